"""Pillow makes an image, turns it, and reads it back from PNG and JPEG."""

from PIL import Image

image = Image.new("RGB", (4, 2), (255, 0, 0))
image.putpixel((0, 0), (0, 0, 255))
turned = image.transpose(Image.Transpose.ROTATE_180)
turned.save("turned.png")
with Image.open("turned.png") as read:
    assert read.size == (4, 2)
    assert read.getpixel((3, 1)) == (0, 0, 255)
Image.new("L", (16, 16), 128).save("grey.jpg")
with Image.open("grey.jpg") as read:
    assert abs(read.getpixel((8, 8)) - 128) <= 2

"""ipywidgets keeps a slider within its bounds and tells who observes it."""

import ipywidgets

slider = ipywidgets.IntSlider(value=3, min=0, max=10)
seen = []
slider.observe(lambda change: seen.append((change["old"], change["new"])), names="value")
slider.value = 50
assert slider.value == 10
assert seen[-1][1] == 10, seen
assert ipywidgets.HBox([slider]).children == (slider,)

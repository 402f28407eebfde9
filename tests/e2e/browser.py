"""A person's way through JupyterLab, in a real Chromium: USER PORT KERNEL_TITLE CODE. Prints what the cell showed.

Runs on the test host itself, since the server listens on loopback alone. Speaks W3C WebDriver to Debian's chromedriver
with the standard library, so neither the host nor the tests need another package.
"""

import base64
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # the key of an element's id, W3C WebDriver, section 12.1
SHIFT, ENTER = "\ue008", "\ue007"
DRIVER = "http://127.0.0.1:9515"
OPTIONS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--window-size=1400,1000"]


def call(method, path, body=None):
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(DRIVER + path, data=data, method=method, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=120) as answer:
            return json.load(answer)["value"]
    except urllib.error.HTTPError as error:
        raise LookupError(json.load(error)["value"]["message"].splitlines()[0]) from None


def until(what, action, seconds=120):
    """What the action returns once it returns something; an element that is not there yet is not an error."""
    deadline, last = time.monotonic() + seconds, ""
    while time.monotonic() < deadline:
        try:
            found = action()
            if found:
                return found
        except (LookupError, OSError) as error:
            last = str(error)
        time.sleep(0.5)
    raise SystemExit(f"{what}: not within {seconds} s. {last}")


class Page:
    def __init__(self, session):
        self.path = f"/session/{session}"

    def go(self, url):
        call("POST", f"{self.path}/url", {"url": url})

    def find(self, css):
        return call("POST", f"{self.path}/element", {"using": "css selector", "value": css})[ELEMENT]

    def click(self, css):
        call("POST", f"{self.path}/element/{self.find(css)}/click", {})
        return True

    def type(self, css, text):
        call("POST", f"{self.path}/element/{self.find(css)}/value", {"text": text})
        return True

    def text(self, css):
        return call("GET", f"{self.path}/element/{self.find(css)}/text")

    def picture(self, path):
        with open(path, "wb") as stream:
            stream.write(base64.b64decode(call("GET", f"{self.path}/screenshot")))


def walk(page, port, token, title, code):
    page.go(f"http://127.0.0.1:{port}/lab?reset&token={token}")
    until("the launcher's card", lambda: page.click(f'.jp-LauncherCard[data-category="Notebook"][title="{title}"]'))
    until("an idle kernel", lambda: page.find('.jp-NotebookPanel [data-status="idle"]'))
    until("a cell to type into", lambda: page.click(".jp-NotebookPanel .jp-Cell .cm-content"))
    page.type(".jp-NotebookPanel .jp-Cell .cm-content", code)
    page.type(".jp-NotebookPanel .jp-Cell .cm-content", SHIFT + ENTER)
    return until("the cell's output", lambda: page.text(".jp-NotebookPanel .jp-OutputArea-output"))


def main():
    user, port, title, code = sys.argv[1:]
    with open(f"/etc/mlinabox/jupyterlab/{user}/token") as stream:
        token = stream.read()
    home = tempfile.mkdtemp()
    environment = {**os.environ, "HOME": home}
    with open("/tmp/chromedriver.log", "w") as log:
        driver = subprocess.Popen(["chromedriver", "--port=9515"], stdout=log, stderr=log, env=environment)
    try:
        until("chromedriver", lambda: call("GET", "/status")["ready"], 60)
        wanted = {"browserName": "chrome", "goog:chromeOptions": {"args": [*OPTIONS, f"--user-data-dir={home}"]}}
        page = Page(call("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})["sessionId"])
        try:
            print(walk(page, port, token, title, code))
        finally:
            page.picture("/tmp/jupyterlab.png")
            call("DELETE", page.path)
    finally:
        driver.terminate()
        driver.wait(30)


main()

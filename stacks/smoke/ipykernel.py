"""A kernel of this environment starts, and computes what a client sends it over loopback."""

from jupyter_client.manager import start_new_kernel

manager, client = start_new_kernel(kernel_name="python3", startup_timeout=90)
try:
    client.execute("1 + 1")
    content = {}
    while "data" not in content:
        message = client.get_iopub_msg(timeout=60)
        assert message["msg_type"] != "error", message["content"]
        content = message["content"]
    assert content["data"]["text/plain"] == "2", content
finally:
    client.stop_channels()
    manager.shutdown_kernel(now=True)

"""wandb runs offline, with its service beside it, and what was logged stands in the run's file."""

import glob

import wandb
from wandb.proto import wandb_internal_pb2
from wandb.sdk.internal.datastore import DataStore

run = wandb.init(mode="offline", project="smoke", dir=".")
run.log({"loss": 0.25})
run.finish()

(path,) = glob.glob("wandb/offline-run-*/*.wandb")
store = DataStore()
store.open_for_scan(path)
logged = {}
for data in iter(store.scan_data, None):
    record = wandb_internal_pb2.Record()
    record.ParseFromString(data)
    logged.update({item.key: item.value_json for item in record.history.item})
assert logged["loss"] == "0.25", logged

"""daemon.json: whatever is in it, merging keeps what is others', and taking back leaves just that."""

from __future__ import annotations

import json

import pytest
from ansible_collections.mlinabox.core.plugins.module_utils import _daemon_file, _daemon_json
from ansible_collections.mlinabox.core.plugins.module_utils._json_text import parse, render, same, style
from hypothesis import given
from hypothesis import strategies as st

# Few names, so that two objects often have the same.
names = st.sampled_from(["runtimes", "features", "exec-opts", "live-restore", "a", "b", "ä", ""]) | st.text(max_size=3)
numbers = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
options = st.sampled_from(["native.cgroupdriver=systemd", "native.cgroupdriver=cgroupfs", "other=1", "plain"])
plain = st.none() | st.booleans() | numbers | st.text(max_size=4) | options
values = st.recursive(
    plain, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3), max_leaves=8
)
objects = st.dictionaries(names, values, max_size=4)
indents = st.sampled_from(["  ", "    ", "\t", None])
PATH = {"path": "nvidia-container-runtime"}
NVIDIA = {"runtimes": {"nvidia": PATH}}


def holds(current, settings):
    """Whether an object has all of another in it, item by item of lists; of NAME=VALUE, the name."""
    if isinstance(current, dict) and isinstance(settings, dict):
        return all(key in current and holds(current[key], value) for key, value in settings.items())
    if isinstance(current, list) and isinstance(settings, list):
        return all(any(same(item, other) or named(item, other) for other in current) for item in settings)
    return same(current, settings)


def named(*items):
    return all(isinstance(item, str) and "=" in item for item in items) and len({x.split("=")[0] for x in items}) == 1


@given(objects, objects)
def test_what_is_asked_for_is_in_it_and_a_second_time_changes_nothing(current, settings):
    merged = _daemon_json.merged(current, settings)
    assert holds(merged, settings)
    assert same(_daemon_json.merged(merged, settings), merged)


@given(objects, objects)
def test_what_others_have_stays(current, settings):
    merged = _daemon_json.merged(current, settings)
    for key, value in current.items():
        if key not in settings:
            assert same(merged[key], value)
        elif isinstance(value, dict) and isinstance(settings[key], dict):
            assert all(same(merged[key][inner], value[inner]) for inner in value if inner not in settings[key])


@given(objects, objects)
def test_merged_and_taken_back_is_the_original(current, settings):
    merged = _daemon_json.merged(current, settings)
    back, left = _daemon_json.taken_back(current, merged, merged)
    assert (same(back, current), list(back), left) == (True, list(current), [])


@given(objects, objects, objects)
def test_what_somebody_adds_in_between_stays(current, settings, added):
    added = {key: value for key, value in added.items() if key not in current and key not in settings}
    merged = _daemon_json.merged(current, settings)
    back, left = _daemon_json.taken_back(current, merged, {**merged, **added})
    assert (same(back, {**current, **added}), left) == (True, [])


@given(objects, objects, st.data())
def test_what_somebody_takes_out_in_between_comes_not_again(current, settings, data):
    merged = _daemon_json.merged(current, settings)
    gone = data.draw(st.lists(st.sampled_from(sorted(merged)), max_size=2) if merged else st.just([]))
    since = {key: value for key, value in merged.items() if key not in gone}
    back, _left = _daemon_json.taken_back(current, merged, since)
    assert same(back, {key: value for key, value in current.items() if key not in gone})


@given(objects, objects, values)
def test_what_somebody_changed_in_between_stays_and_is_said(current, settings, value):
    merged = _daemon_json.merged(current, settings)
    for key in settings:
        if same(merged[key], current.get(key, value)) or same(merged[key], value) or isinstance(value, (dict, list)):
            continue
        back, left = _daemon_json.taken_back(current, merged, {**merged, key: value})
        assert same(back[key], value) and left == [key]


@given(objects, indents, objects, st.lists(objects, max_size=2))
def test_the_file_comes_back_byte_for_byte(current, indent, settings, suggestions):
    text = json.dumps(current, indent=indent, ensure_ascii=False)
    first = _daemon_file.present(text, None, settings, suggestions)
    again = _daemon_file.present(first.text, first.record, settings, suggestions)
    assert (again.text, again.changed, again.left) == (first.text, False, [])
    back = _daemon_file.absent(first.text, first.record)
    assert (back.text, back.left) == (text, [])
    assert _daemon_file.settled(back.text, back.record).record is None


@given(objects, objects, objects)
def test_other_settings_take_the_place_of_the_earlier_ones(current, earlier, later):
    text = render(current)
    first = _daemon_file.present(text, None, earlier)
    second = _daemon_file.present(first.text, first.record, later)
    assert same(parse(second.text), _daemon_json.merged(current, later))
    assert _daemon_file.absent(second.text, second.record).text == text


@given(objects, objects, objects)
def test_a_run_that_died_between_record_and_file_is_made_good(current, earlier, later):
    text = render(current)
    first = _daemon_file.present(text, None, earlier)
    died = _daemon_file.present(first.text, first.record, later)
    next_run = _daemon_file.present(first.text, died.record, later)
    assert next_run.text == died.text
    assert _daemon_file.absent(first.text, died.record).text == text


@given(objects, objects)
def test_a_refused_change_is_put_back_as_a_whole(current, settings):
    text = render(current)
    first = _daemon_file.present(text, None, settings)
    back = _daemon_file.reverted(first.text, first.record)
    assert (back.text, back.record) == (text, None)


@given(objects)
def test_what_is_written_reads_as_what_was_meant(data):
    assert same(parse(render(data)), data)
    assert same(parse(render(data, ("\t", False))), data)


def test_a_file_keeps_its_manner():
    text = '{\n  "dns": ["10.0.0.1", "10.0.0.2"],\n  "runtimes": {\n    "kata": {"path": "kata-runtime"}\n  }\n}\n'
    assert _daemon_file.present(text, None, {**NVIDIA, "live-restore": True}).text == (
        '{\n  "dns": ["10.0.0.1", "10.0.0.2"],\n  "runtimes": {\n    "kata": {\n      "path": "kata-runtime"\n    },\n'
        '    "nvidia": {\n      "path": "nvidia-container-runtime"\n    }\n  },\n  "live-restore": true\n}\n'
    )
    assert style('{\n\t"a": [\n\t\t1\n\t]\n}') == ("\t", False)


def test_where_there_was_no_file_there_is_none_afterwards():
    made = _daemon_file.present(None, None, NVIDIA)
    assert (parse(made.text), made.changed) == (NVIDIA, True)
    assert _daemon_file.absent(made.text, made.record).text is None
    assert _daemon_file.present(None, None, {}).changed is False


def test_an_empty_file_is_an_object_without_keys_and_comes_back_empty():
    made = _daemon_file.present("\n", None, NVIDIA)
    assert parse(made.text) == NVIDIA
    assert _daemon_file.absent(made.text, made.record).text == "\n"


@pytest.mark.parametrize(
    ("current", "settings", "merged"),
    [
        ({}, NVIDIA, NVIDIA),
        ({"runtimes": {"kata": {"path": "k"}}}, NVIDIA, {"runtimes": {"kata": {"path": "k"}, **NVIDIA["runtimes"]}}),
        # What nvidia-docker2 brought is what we want already, and its other key stays.
        ({"runtimes": {"nvidia": {"path": "nvidia-container-runtime", "runtimeArgs": []}}}, NVIDIA, None),
        ({"features": {"buildkit": True}}, {"features": {"cdi": True}}, {"features": {"buildkit": True, "cdi": True}}),
        ({"features": {"cdi": False}}, {"features": {"cdi": True}}, {"features": {"cdi": True}}),
        ({"registry-mirrors": ["https://a"]}, {"registry-mirrors": ["https://b"]}, {"registry-mirrors": ["https://a", "https://b"]}),
        ({"registry-mirrors": ["https://a"]}, {"registry-mirrors": ["https://a"]}, None),
        (
            {"exec-opts": ["native.umask=normal", "native.cgroupdriver=systemd"]},
            {"exec-opts": ["native.cgroupdriver=cgroupfs"]},
            {"exec-opts": ["native.umask=normal", "native.cgroupdriver=cgroupfs"]},
        ),
        # 1 is not true, and the engine tells them apart.
        ({"live-restore": 1}, {"live-restore": True}, {"live-restore": True}),
        ({"live-restore": False}, {"live-restore": True}, {"live-restore": True}),
        ({"log-opts": {"a": "1"}}, {"log-opts": {"b": "2"}}, {"log-opts": {"a": "1", "b": "2"}}),
        # An object in the place of something else.
        ({"runtimes": "broken"}, NVIDIA, NVIDIA),
    ],
)  # fmt: skip
def test_merging(current, settings, merged):
    result = _daemon_json.merged(current, settings)
    assert same(result, current if merged is None else merged)
    assert same(_daemon_json.taken_back(current, result, result)[0], current)


LOGS = {"log-driver": "json-file", "log-opts": {"max-size": "50m"}}


@pytest.mark.parametrize(
    ("current", "settings", "suggested"),
    [
        ({}, {}, True),
        ({"debug": True}, {}, True),
        # Half of it would be what the engine refuses: journald has no max-size.
        ({"log-driver": "journald"}, {}, False),
        ({"log-opts": {"tag": "x"}}, {}, False),
        ({}, {"log-driver": "local"}, False),
    ],
)
def test_a_suggestion_is_taken_whole_or_not_at_all(current, settings, suggested):
    result = _daemon_json.with_suggestions(current, [LOGS], settings)
    assert result == ({**current, **LOGS} if suggested else current)


def runtimes(**of):
    return {"runtimes": of}


@pytest.mark.parametrize(
    ("written", "current", "back", "left"),
    [
        ({"debug": True, **NVIDIA}, {"debug": False, **NVIDIA}, {"debug": False}, ["debug"]),
        (NVIDIA, runtimes(nvidia={"path": "/opt"}), runtimes(nvidia={"path": "/opt"}), ["runtimes.nvidia.path"]),
        (NVIDIA, runtimes(nvidia={**PATH, "runtimeArgs": ["-x"]}), runtimes(nvidia={"runtimeArgs": ["-x"]}), []),
        (NVIDIA, runtimes(nvidia=PATH, kata={"path": "k"}), runtimes(kata={"path": "k"}), []),
        (NVIDIA, runtimes(nvidia="broken"), runtimes(nvidia="broken"), ["runtimes.nvidia"]),
        ({"dns": ["10.0.0.1"]}, {"dns": ["10.0.0.9", "10.0.0.1"]}, {"dns": ["10.0.0.9"]}, []),
        ({"dns": ["10.0.0.1"]}, {}, {}, []),
    ],
)
def test_taking_back_after_somebody_was_there(written, current, back, left):
    assert _daemon_json.taken_back({}, written, current) == (back, left)


@pytest.mark.parametrize(
    ("before", "after", "needed"),
    [
        ({}, {}, "nothing"),
        ({"dns": ["a"], "debug": True}, {"debug": True, "dns": ["a"]}, "nothing"),
        ({}, {"live-restore": True}, "reload"),
        ({}, NVIDIA, "reload"),
        ({"registry-mirrors": ["https://a"]}, {"registry-mirrors": ["https://b"]}, "reload"),
        # A reload passes over what is no longer there.
        (NVIDIA, {}, "restart"),
        # The engine can read it in a reload, but sets CDI up at its start.
        ({}, {"features": {"cdi": True}}, "restart"),
        ({}, {"live-restore": True, "data-root": "/data"}, "restart"),
        ({}, {"log-driver": "local"}, "restart"),
        ({}, {"exec-opts": ["native.cgroupdriver=cgroupfs"]}, "restart"),
    ],
)
def test_what_a_change_needs(before, after, needed):
    assert _daemon_json.needed(before, after) == needed


def test_a_change_that_no_engine_took_is_not_forgotten():
    first = _daemon_file.present("{}", None, {"data-root": "/data"})
    assert first.needed == "restart"
    # The run died here; the next changes nothing of the file.
    second = _daemon_file.present(first.text, first.record, {"data-root": "/data"})
    assert (second.changed, second.needed) == (False, "restart")
    third = _daemon_file.settled(second.text, second.record)
    assert (third.needed, third.record["ours"]["original"]) == ("nothing", "{}")
    assert _daemon_file.present(third.text, third.record, {"data-root": "/data"}).needed == "nothing"


def test_the_way_back_needs_a_restart_too_where_an_engine_may_have_taken_the_change():
    first = _daemon_file.present("{}", None, {"data-root": "/data"})
    back = _daemon_file.absent(first.text, first.record)
    assert (back.text, back.needed) == ("{}", "restart")


def test_what_somebody_changed_since_is_not_put_back():
    first = _daemon_file.present("{}", None, {"data-root": "/data"})
    with pytest.raises(ValueError, match="somebody has changed it"):
        _daemon_file.reverted('{"data-root": "/other"}', first.record)


def test_what_somebody_removed_stays_removed():
    first = _daemon_file.present('{"debug": true}', None, NVIDIA)
    settled = _daemon_file.settled(first.text, first.record)
    assert parse(_daemon_file.present(None, settled.record, NVIDIA).text) == NVIDIA
    assert _daemon_file.absent(None, settled.record).text is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{\n  "a": 1,\n}\n', r"line 2, column 9: a comma stands after|line 3, column 1: a comma stands after"),
        ('{"a": [1, 2,]}', r"line 1, column 1[23]: a comma stands after"),
        ('{\n  // mirrors\n  "a": 1\n}', r"line 2, column 3: JSON has no comments"),
        ('{"a": 1} # mine', r"line 1, column 10: JSON has no comments"),
        ('{"a": 1}\n{"b": 2}', r"line 2, column 1: something stands behind the end"),
        ('{"a" 1}', r"line 1, column 6: expecting ':' delimiter"),
        ("{'a': 1}", r"line 1, column 2: expecting property name"),
        ('{"a": 1', r"line 1, column 8: expecting"),
        ('["a"]', r"line 1, column 1: it holds no object"),
        ("null", r"line 1, column 1: it holds no object"),
        ('{"runtimes": {"n": 1},\n "runtimes": {}}', r'line 2, column 2: "runtimes" stands twice'),
        ('{"a": {"b": 1, "\\u0062": 2}}', r"line 1, column 16: .* stands twice"),
        ('{"a": NaN}', r"line 1, column 7: NaN is no number"),
        ('{"a": -Infinity}', r"line 1, column 7: -Infinity is no number"),
        ('{"a": 1e999}', r"line 1, column 7: 1e999 is no number"),
        ('{"a": ' + "[" * 100000 + "]" * 100000 + "}", r"it is nested too deeply"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(text, message):
    with pytest.raises(ValueError, match="^(?:" + message + ")"):
        parse(text)
    with pytest.raises(ValueError, match=message):
        _daemon_file.present(text, None, NVIDIA)


def test_words_in_strings_are_no_mistakes():
    text = '{"a": "NaN, // }", "b": {"a": 1}, "c": [{"a": 1}, {"a": 2}], "": "\\ud800"}'
    assert parse(render(parse(text))) == parse(text)


def test_a_damaged_record_is_named():
    for text in ("", "[]", '{"ours": null}', '{"ours": {"original": null}, "before": null}'):
        with pytest.raises(ValueError, match="damaged"):
            _daemon_file.read_record(text)
    record = _daemon_file.present("{}", None, NVIDIA).record
    assert _daemon_file.read_record(_daemon_file.record_text(record)) == record

"""What is made of the doctor's results on the controller."""

from __future__ import annotations

from ansible_collections.mlinabox.core.plugins.filter import doctor

WELL = {
    "layers": [],
    "broken": False,
    "cures": [],
    "info": {"kind": "gpu", "gpus": [{}], "driver": {"version": "535.1"}},
}
RESTART = {"name": "restart", "safe": False, "text": "Restart?"}
BROKEN = {
    **WELL,
    "layers": [{"layer": "library", "status": "broken", "text": "It is so.", "cure": "Mend it."}],
    "broken": True,
    "layer": "library",
    "cures": [{"name": "run-ldconfig", "safe": True, "text": "renew"}, RESTART],
}
HOSTVARS = {
    "well": {"doctor": WELL},
    "broken": {"doctor": BROKEN},
    "here": {"doctor": BROKEN, "ansible_connection": "local"},
    "gone": {"doctor": {"unreachable": True, "msg": "Task failed: no route"}},
    "failed": {"doctor": {"msg": "MODULE FAILURE", "failed_when_result": False}},
    "never": {},
}


def test_one_line_a_host():
    said = {host: doctor.doctor_verdict(host, HOSTVARS) for host in [*HOSTVARS, "unknown"]}
    assert said == {
        "well": "",
        "broken": "The layer library is broken; the host's table says how, and what to do.",
        "here": "The layer library is broken; the host's table says how, and what to do.",
        "gone": "unreachable: no route",
        "failed": "failed: MODULE FAILURE",
        "never": "failed: The doctor did not answer.",
        "unknown": "failed: The doctor did not answer.",
    }
    assert len(doctor.doctor_fleet(list(HOSTVARS), HOSTVARS)) == 2 + len(HOSTVARS)


def test_what_is_not_safe_is_asked_and_never_whether_to_restart_this_machine():
    assert doctor.doctor_questions(list(HOSTVARS), HOSTVARS) == [
        {"host": "broken", "name": "restart", "text": "Restart?"}
    ]


def test_only_a_yes_is_one():
    asked = {"host": "broken", "name": "restart", "text": "Restart?"}
    for answer, agreed in (("yes", ["restart"]), (" Y ", ["restart"]), ("", []), ("no", []), ("yess", [])):
        results = [{"doctor_question": asked, "user_input": answer}]
        assert doctor.doctor_agreed("broken", results) == agreed
        assert doctor.doctor_agreed("well", results) == []
    # Without a terminal there is no answer at all.
    assert doctor.doctor_agreed("broken", [{"doctor_question": asked}]) == []
    assert doctor.doctor_agreed("broken", []) == []

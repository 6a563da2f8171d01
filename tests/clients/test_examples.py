"""The example configurations, each in a directory that `postern init` made."""
import os
import shutil

import harness

SERVER = {"start": False}
CONF = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "conf")


def test_check_accepts_every_example(server):
    names = sorted(name for name in os.listdir(CONF) if name.endswith(".conf"))
    assert len(names) >= 4
    for name in names:
        shutil.copy(os.path.join(CONF, name), server.conf)
        os.chmod(server.conf, 0o600)
        done = harness.run([harness.BINARY, "check", "-c", server.conf], check=False)
        assert done.returncode == 0, f"{name}:\n{done.errors}"

"""What must hold in a store's files when no server runs, looked at from outside."""
import os
import re
import sqlite3


def rules():
    """(sentence, query) of each rule in audit.sql."""
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "audit.sql")) as file:
        return re.findall(r"(?ms)^-- ([^\n]*)\n(SELECT.*?;)", file.read())


def audit(directory, check):
    """check(is_so, sentence, detail) for each rule."""
    database = sqlite3.connect(os.path.join(directory, "store.db"))
    for sentence, query in rules():
        wrong = database.execute(query).fetchall()
        check(not wrong, f"store: {sentence}", f"{len(wrong)}: {wrong[:5]}")
    wanted = {f"{row[0]:016x}" for row in database.execute("SELECT id FROM blob WHERE segment = 0")}
    found = set(os.listdir(os.path.join(directory, "bodies")))
    check(found == wanted, "store: every large body has its file, every file its body",
          f"missing {wanted - found}, too many {found - wanted}")
    database.close()

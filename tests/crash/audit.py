"""What must hold in a store's files when no server runs, looked at from outside."""
import os
import sqlite3

# The sentence of each, and rows that break it.
RULES = [
    ("the database is whole", "SELECT * FROM pragma_integrity_check WHERE integrity_check != 'ok'"),
    ("every body counts its mentions", """
        SELECT id, refs FROM blob WHERE refs !=
            (SELECT COUNT(*) FROM message JOIN entry ON message = message.id WHERE blob = blob.id) +
            (SELECT COUNT(*) FROM message JOIN queue ON message = message.id WHERE blob = blob.id)"""),
    ("every message has its body", "SELECT id FROM message WHERE blob NOT IN (SELECT id FROM blob)"),
    ("every message is mentioned", """
        SELECT id FROM message WHERE id NOT IN (SELECT message FROM entry)
            AND id NOT IN (SELECT message FROM queue)"""),
    ("every entry has its message",
     "SELECT mailbox, uid FROM entry WHERE message NOT IN (SELECT id FROM message)"),
    ("UIDs and MODSEQs are below the next", """
        SELECT id, uidnext, modseq FROM mailbox
            WHERE uidnext <= (SELECT MAX(uid) FROM entry WHERE mailbox = id)
            OR modseq < (SELECT MAX(modseq) FROM entry WHERE mailbox = id)"""),
    ("mailboxes count their messages", """
        SELECT id, messages, bytes FROM mailbox WHERE
            messages != (SELECT COUNT(*) FROM entry WHERE mailbox = id AND flags & (1 << 62) = 0) OR
            bytes != (SELECT IFNULL(SUM(size), 0) FROM entry
                      WHERE mailbox = id AND flags & (1 << 62) = 0)"""),
    ("segments count their live bytes", """
        SELECT id, live FROM segment
            WHERE live != (SELECT IFNULL(SUM(length), 0) FROM blob WHERE segment = segment.id)"""),
]


def audit(directory, check):
    """check(is_so, sentence, detail) for each rule."""
    database = sqlite3.connect(os.path.join(directory, "store.db"))
    for sentence, query in RULES:
        wrong = database.execute(query).fetchall()
        check(not wrong, f"store: {sentence}", f"{len(wrong)}: {wrong[:5]}")
    wanted = {f"{row[0]:016x}" for row in database.execute("SELECT id FROM blob WHERE segment = 0")}
    found = set(os.listdir(os.path.join(directory, "bodies")))
    check(found == wanted, "store: every large body has its file, every file its body",
          f"missing {wanted - found}, too many {found - wanted}")
    database.close()

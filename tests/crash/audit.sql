-- What must hold in a store's database at any moment: a sentence, and the rows that break it.
-- Read by tests/crash/audit.py and tests/fake/store_look.c.

-- the database is whole
SELECT * FROM pragma_integrity_check WHERE integrity_check != 'ok';

-- every body counts its mentions
SELECT id, refs FROM blob WHERE refs !=
    (SELECT COUNT(*) FROM message JOIN entry ON message = message.id WHERE blob = blob.id) +
    (SELECT COUNT(*) FROM message JOIN queue ON message = message.id WHERE blob = blob.id);

-- every message has its body
SELECT id FROM message WHERE blob NOT IN (SELECT id FROM blob);

-- every message is mentioned
SELECT id FROM message WHERE id NOT IN (SELECT message FROM entry)
    AND id NOT IN (SELECT message FROM queue);

-- every entry has its message
SELECT mailbox, uid FROM entry WHERE message NOT IN (SELECT id FROM message);

-- every row of the queue has its message
SELECT id FROM queue WHERE message NOT IN (SELECT id FROM message);

-- UIDs and MODSEQs are below the next
SELECT id, uidnext, modseq FROM mailbox
    WHERE uidnext <= (SELECT MAX(uid) FROM entry WHERE mailbox = id)
    OR modseq < (SELECT MAX(modseq) FROM entry WHERE mailbox = id);

-- mailboxes count their messages
SELECT id, messages, bytes FROM mailbox WHERE
    messages != (SELECT COUNT(*) FROM entry WHERE mailbox = id AND flags & (1 << 62) = 0) OR
    bytes != (SELECT IFNULL(SUM(size), 0) FROM entry
              WHERE mailbox = id AND flags & (1 << 62) = 0);

-- mailboxes count what is unseen and what is to be deleted
SELECT id, unseen, deleted FROM mailbox WHERE
    unseen != (SELECT COUNT(*) FROM entry WHERE mailbox = id AND flags & ((1 << 62) | 1) = 0) OR
    deleted != (SELECT COUNT(*) FROM entry WHERE mailbox = id AND flags & ((1 << 62) | 8) = 8);

-- segments count their live bytes
SELECT id, live FROM segment
    WHERE live != (SELECT IFNULL(SUM(length), 0) FROM blob WHERE segment = segment.id);

-- every body lies in a segment that is known, and inside of what is used of it
SELECT id, segment FROM blob WHERE segment != 0 AND length > 0 AND NOT EXISTS
    (SELECT 1 FROM segment WHERE segment.id = blob.segment AND "offset" + length <= used
        AND blob.id BETWEEN blob_first AND blob_last);

-- no two bodies overlap
SELECT one.id, other.id FROM blob AS one JOIN blob AS other
    ON one.segment = other.segment AND one.id != other.id
    WHERE one.segment != 0 AND one.length > 0 AND other.length > 0
    AND one."offset" >= other."offset" AND one."offset" < other."offset" + other.length;

/* sql_list: the texts of the store's statements. 4611686018427387904 is ENTRY_GONE. */
#ifndef POSTERN_STORE_SQL_LIST_H
#define POSTERN_STORE_SQL_LIST_H

#define SQL_MAILBOX_COLUMNS                                                                        \
    "id, account, attributes, uidvalidity, uidnext, modseq, bytes, change_floor, messages, "       \
    "unseen, deleted, recent_from, name"
/* What queue_row_read() reads; a bound text that is nobody's place skips nothing. */
#define SQL_QUEUE_COLUMNS                                                                          \
    "q.id, q.message, q.notify, q.mail_flags, q.attempts, q.created, q.due, q.is_held, b.id, "     \
    "b.segment, b.\"offset\", b.length, q.reverse_path, q.recipient, q.original, q.envelope_id, "  \
    "q.return_kind, q.last_status, q.forwarder, q.place"
#define SQL_QUEUE_FROM "queue q JOIN message m ON m.id = q.message JOIN blob b ON b.id = m.blob"
/* The index alone says which rows: what is skipped costs no look at its row. */
#define SQL_QUEUE_FOUND(where)                                                                     \
    "SELECT " SQL_QUEUE_COLUMNS " FROM (SELECT id FROM queue WHERE " where                         \
    " AND is_held <= ? AND place NOT IN (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"          \
    " ORDER BY due, id LIMIT ?) k JOIN queue q ON q.id = k.id JOIN message m ON m.id = q.message"  \
    " JOIN blob b ON b.id = m.blob ORDER BY q.due, q.id"
#define SQL_NOT_GONE "flags < 4611686018427387904"

/* clang-format off */
#define SQL_LIST(X) \
/* meta, accounts */ \
X(SQL_META, "SELECT value FROM meta WHERE name = ?") \
X(SQL_META_SET, "UPDATE meta SET value = ? WHERE name = ?") \
X(SQL_LAST_ID, "SELECT max((SELECT coalesce(max(id), 0) FROM message), (SELECT coalesce(max(id), 0) FROM blob), (SELECT coalesce(max(id), 0) FROM queue), (SELECT coalesce(max(id), 0) FROM gone), (SELECT coalesce(max(message), 0) FROM received))") \
X(SQL_ACCOUNTS, "SELECT id, address, verifier, generation, inbox FROM account ORDER BY address") \
X(SQL_ALIASES, "SELECT alias, target FROM alias ORDER BY alias, target") \
X(SQL_ACCOUNT, "SELECT id, inbox FROM account WHERE address = ?") \
X(SQL_ACCOUNT_ADD, "INSERT INTO account(id, address, verifier, generation, inbox) VALUES(?, ?, ?, ?, ?)") \
X(SQL_ACCOUNT_PASSWORD, "UPDATE account SET verifier = ?, generation = ? WHERE id = ?") \
X(SQL_ACCOUNT_DELETE, "DELETE FROM account WHERE id = ?") \
X(SQL_ACCOUNT_INBOX, "SELECT inbox FROM account WHERE id = ?") \
X(SQL_ALIAS_FIND, "SELECT count(*) FROM alias WHERE alias = ? AND (target = ? OR '' = ?)") \
X(SQL_ALIAS_ADD, "INSERT INTO alias(alias, target) VALUES(?, ?)") \
X(SQL_ALIAS_DELETE, "DELETE FROM alias WHERE alias = ? AND (target = ? OR '' = ?)") \
X(SQL_DOMAINS, "SELECT name FROM domain ORDER BY name") \
X(SQL_DOMAIN_FIND, "SELECT count(*) FROM domain WHERE name = ? AND name = ?") \
X(SQL_DOMAIN_USERS, "SELECT (SELECT count(*) FROM account WHERE substr(address, -length(?1) - 1) = '@' || ?2) + (SELECT count(*) FROM alias WHERE substr(alias, -length(?1) - 1) = '@' || ?2)") \
X(SQL_DOMAIN_ADD, "INSERT INTO domain(name) VALUES(?)") \
X(SQL_DOMAIN_DELETE, "DELETE FROM domain WHERE name = ?") \
X(SQL_ROUTES, "SELECT domain, words FROM route ORDER BY domain") \
X(SQL_ROUTE_COUNT, "SELECT (SELECT count(*) FROM route WHERE domain = ?), (SELECT count(*) FROM route)") \
X(SQL_ROUTE_ADD, "INSERT INTO route(domain, words) VALUES(?, ?)") \
X(SQL_ROUTE_DELETE, "DELETE FROM route WHERE domain = ?") \
/* mailboxes */ \
X(SQL_MAILBOX_BY_ID, "SELECT " SQL_MAILBOX_COLUMNS " FROM mailbox WHERE id = ?") \
X(SQL_MAILBOX_BY_NAME, "SELECT " SQL_MAILBOX_COLUMNS " FROM mailbox WHERE account = ? AND name = ?") \
X(SQL_MAILBOXES, "SELECT " SQL_MAILBOX_COLUMNS " FROM mailbox WHERE account = ?") \
X(SQL_MAILBOX_COUNT, "SELECT count(*) FROM mailbox WHERE account = ?") \
X(SQL_MAILBOX_ADD, "INSERT INTO mailbox(id, account, name, attributes, uidvalidity, uidnext, modseq, messages, unseen, deleted, bytes, change_floor, recent_from) VALUES(?, ?, ?, ?, ?, 1, 1, 0, 0, 0, 0, 0, 1)") \
X(SQL_MAILBOX_KEEP, "UPDATE mailbox SET uidnext = ?, modseq = ?, messages = ?, unseen = ?, deleted = ?, bytes = ?, change_floor = ? WHERE id = ?") \
X(SQL_MAILBOX_RENAME, "UPDATE mailbox SET name = ? WHERE id = ?") \
X(SQL_MAILBOX_DROP, "UPDATE mailbox SET account = 0, name = ? WHERE id = ?") \
X(SQL_MAILBOX_RECENT, "UPDATE mailbox SET recent_from = max(recent_from, ?) WHERE id = ?") \
X(SQL_MAILBOX_DELETE, "DELETE FROM mailbox WHERE id = ? AND account = 0") \
X(SQL_SUBSCRIPTIONS, "SELECT name FROM subscription WHERE account = ?") \
X(SQL_SUBSCRIBE, "INSERT INTO subscription(account, name) VALUES(?, ?) ON CONFLICT DO NOTHING") \
X(SQL_UNSUBSCRIBE, "DELETE FROM subscription WHERE account = ? AND name = ?") \
X(SQL_SUBSCRIPTION_COUNT, "SELECT count(*) FROM subscription WHERE account = ?") \
X(SQL_SUBSCRIPTIONS_DELETE, "DELETE FROM subscription WHERE account = ?") \
X(SQL_KEYWORDS, "SELECT bit, name FROM keyword WHERE mailbox = ? ORDER BY bit") \
X(SQL_KEYWORD_ADD, "INSERT INTO keyword(mailbox, bit, name) VALUES(?, ?, ?)") \
X(SQL_KEYWORDS_DELETE, "DELETE FROM keyword WHERE mailbox = ?") \
/* entries */ \
X(SQL_ENTRY_ADD, "INSERT INTO entry(mailbox, uid, message, modseq, flags, saved, size) VALUES(?, ?, ?, ?, ?, ?, ?)") \
X(SQL_ENTRIES, "SELECT uid, flags, modseq, saved, size, message FROM entry WHERE mailbox = ? AND uid BETWEEN ? AND ?") \
X(SQL_ENTRIES_RENDERED, "SELECT e.uid, e.flags, e.modseq, e.saved, e.size, e.message, m.render_version, m.sent, m.blob, 0, 0, 0, m.envelope, m.structure, m.parts FROM entry e JOIN message m ON m.id = e.message WHERE e.mailbox = ? AND e.uid BETWEEN ? AND ?") \
X(SQL_ENTRIES_MESSAGE, "SELECT e.uid, e.flags, e.modseq, e.saved, e.size, e.message, m.render_version, m.sent, b.id, b.segment, b.\"offset\", b.length, m.envelope, m.structure, m.parts FROM entry e JOIN message m ON m.id = e.message JOIN blob b ON b.id = m.blob WHERE e.mailbox = ? AND e.uid BETWEEN ? AND ?") \
X(SQL_ENTRIES_THERE, "SELECT uid, flags, size, message, saved FROM entry WHERE mailbox = ? AND uid BETWEEN ? AND ? AND " SQL_NOT_GONE) \
X(SQL_UIDS_THERE, "SELECT uid FROM entry WHERE mailbox = ? AND uid BETWEEN ? AND ? AND " SQL_NOT_GONE) \
X(SQL_ENTRIES_SINCE, "SELECT uid, flags, modseq FROM entry WHERE mailbox = ? AND uid BETWEEN ? AND ? AND modseq > ? AND " SQL_NOT_GONE) \
X(SQL_ENTRY_COUNT, "SELECT count(*) FROM entry WHERE mailbox = ? AND uid BETWEEN ? AND 4294967295 AND " SQL_NOT_GONE) \
X(SQL_FIRST_UNSEEN, "SELECT uid FROM entry WHERE mailbox = ? AND (flags & 1) = 0 AND " SQL_NOT_GONE " ORDER BY uid LIMIT 1") \
X(SQL_ENTRIES_FLAG, "UPDATE entry SET flags = (flags & ?) | ?, modseq = ? WHERE mailbox = ? AND uid BETWEEN ? AND ? AND " SQL_NOT_GONE) \
X(SQL_ENTRIES_GONE, "SELECT uid, message FROM entry WHERE mailbox = ? AND uid BETWEEN ? AND ? AND ((flags >= 4611686018427387904 AND modseq <= ?) OR 1 = ?) ORDER BY uid LIMIT ?") \
X(SQL_ENTRY_DELETE, "DELETE FROM entry WHERE mailbox = ? AND uid = ?") \
X(SQL_CHANGE_ADD, "INSERT INTO change(mailbox, modseq, uid_first, uid_last, kind) VALUES(?, ?, ?, ?, ?) ON CONFLICT DO NOTHING") \
X(SQL_CHANGES, "SELECT uid_first, uid_last, kind FROM change WHERE mailbox = ? AND modseq > ?") \
X(SQL_CHANGES_DELETE, "DELETE FROM change WHERE mailbox = ? AND modseq <= ?") \
X(SQL_GONE_ADD, "INSERT INTO gone(id, mailbox, uid_first, uid_last, modseq, at) VALUES(?, ?, ?, ?, ?, ?)") \
X(SQL_GONE_FIRST, "SELECT g.id, g.mailbox, g.uid_first, g.uid_last, g.at, coalesce(m.account, 0), g.modseq FROM gone g LEFT JOIN mailbox m ON m.id = g.mailbox ORDER BY g.id LIMIT 1") \
X(SQL_GONE_CUT, "UPDATE gone SET uid_first = ? WHERE id = ?") \
X(SQL_GONE_DELETE, "DELETE FROM gone WHERE id = ?") \
/* messages and bodies */ \
X(SQL_MESSAGE_ADD, "INSERT INTO message(id, blob, received, sent, envelope, structure, parts, render_version) VALUES(?, ?, ?, ?, ?, ?, ?, ?)") \
X(SQL_MESSAGE_DELETE, "DELETE FROM message WHERE id = ?") \
X(SQL_BLOB_ADD, "INSERT INTO blob(id, segment, \"offset\", length, crc, refs) VALUES(?, ?, ?, ?, ?, ?)") \
X(SQL_BLOB_OF_MESSAGE, "SELECT b.id, b.segment, b.length, b.refs FROM message m JOIN blob b ON b.id = m.blob WHERE m.id = ?") \
X(SQL_BLOB_REFS, "UPDATE blob SET refs = refs + ? WHERE id = ?") \
X(SQL_BLOB_DELETE, "DELETE FROM blob WHERE id = ?") \
X(SQL_BLOB, "SELECT segment, \"offset\", length, crc FROM blob WHERE id = ?") \
X(SQL_BLOBS_OF_SEGMENT, "SELECT id, \"offset\", length, crc FROM blob WHERE id BETWEEN ? AND ? AND segment = ? ORDER BY id LIMIT ?") \
X(SQL_BLOB_MOVE, "UPDATE blob SET segment = ?, \"offset\" = ? WHERE id = ?") \
X(SQL_SEGMENTS, "SELECT id, live, used, blob_first, blob_last FROM segment ORDER BY id") \
X(SQL_SEGMENT_ADD, "INSERT INTO segment(id, live, used, blob_first, blob_last) VALUES(?, ?, ?, ?, ?)") \
X(SQL_SEGMENT_KEEP, "UPDATE segment SET live = ?, used = ?, blob_first = ?, blob_last = ? WHERE id = ?") \
X(SQL_SEGMENT_DELETE, "DELETE FROM segment WHERE id = ?") \
/* history */ \
X(SQL_RECEIVED_ADD, "INSERT INTO received(message, at, size, reverse_path, client, listener, tls_version, tls_suite, login) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING") \
X(SQL_RECEIVED, "SELECT at, size, reverse_path, client, listener, tls_version, tls_suite, login FROM received WHERE message = ?") \
X(SQL_RECEIVED_OLDEST, "SELECT message, at FROM received ORDER BY message LIMIT ?") \
X(SQL_RECEIVED_FORGET, "DELETE FROM received WHERE message <= ?") \
X(SQL_ATTEMPT_ADD, "INSERT OR REPLACE INTO attempt(message, entry, number, at, duration, verdict, recipient, route, host, address, tls_version, tls_suite, verified, verified_text, reply, due, checks) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)") \
X(SQL_ATTEMPTS, "SELECT entry, number, at, duration, verdict, recipient, route, host, address, tls_version, tls_suite, verified, verified_text, reply, due, checks FROM attempt WHERE message = ? ORDER BY entry, number") \
X(SQL_ATTEMPTS_CUT, "DELETE FROM attempt WHERE message = ? AND entry = ? AND number > 1 AND number <= ?") \
X(SQL_ATTEMPTS_FORGET, "DELETE FROM attempt WHERE message <= ?") \
/* TLS results */ \
X(SQL_TLS_RESULT_COUNT, "SELECT count(*) FROM tls_result WHERE day = ?") \
X(SQL_TLS_RESULT_ADD_UP, "UPDATE tls_result SET sessions = sessions + ? WHERE day = ? AND domain = ? AND policy_domain = ? AND policy = ? AND policy_text = ? AND mx_patterns = ? AND result = ? AND sending_ip = ? AND mx_host = ? AND receiving_ip = ? AND reason = ? RETURNING 1") \
X(SQL_TLS_RESULT_ADD, "INSERT INTO tls_result(day, domain, policy_domain, policy, policy_text, mx_patterns, result, sending_ip, mx_host, receiving_ip, reason, sessions) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)") \
X(SQL_TLS_RESULT_NEXT, "SELECT day, domain FROM tls_result WHERE (day, domain) > (?, ?) AND day < ? ORDER BY day, domain LIMIT 1") \
X(SQL_TLS_RESULTS, "SELECT day, domain, policy_domain, policy, policy_text, mx_patterns, result, sending_ip, mx_host, receiving_ip, reason, sessions FROM tls_result WHERE day = ? AND domain = ? ORDER BY policy_domain, policy, policy_text, mx_patterns, result, sending_ip, mx_host, receiving_ip, reason LIMIT ?") \
X(SQL_TLS_RESULT_DELETE, "DELETE FROM tls_result WHERE day = ? AND domain = ?") \
/* MTA-STS */ \
X(SQL_STS, "SELECT domain, id, policy, fetched, expires, used FROM sts_policy WHERE domain = ?") \
X(SQL_STS_PAGE, "SELECT domain, id, policy, fetched, expires, used FROM sts_policy WHERE domain > ? AND (fetched <= ? OR expires <= ? - fetched) ORDER BY domain LIMIT ?") \
X(SQL_STS_KEEP, "INSERT INTO sts_policy(domain, id, policy, fetched, expires, used) VALUES(?, ?, ?, ?, ?, ?) ON CONFLICT(domain) DO UPDATE SET id = excluded.id, policy = excluded.policy, fetched = excluded.fetched, expires = excluded.expires, used = max(used, excluded.used)") \
X(SQL_STS_USE, "UPDATE sts_policy SET used = max(used, ?) WHERE domain = ?") \
X(SQL_STS_EXPIRE, "DELETE FROM sts_policy WHERE domain IN (SELECT domain FROM sts_policy WHERE expires <= ? ORDER BY expires LIMIT ?)") \
X(SQL_STS_CUT, "DELETE FROM sts_policy WHERE domain IN (SELECT domain FROM sts_policy ORDER BY used LIMIT max(0, (SELECT count(*) FROM sts_policy) - ?))") \
/* queue */ \
X(SQL_QUEUE_OF_MESSAGE, "SELECT " SQL_QUEUE_COLUMNS " FROM " SQL_QUEUE_FROM " WHERE q.message = ? ORDER BY q.id") \
X(SQL_QUEUE_ADD, "INSERT INTO queue(id, message, reverse_path, recipient, original, envelope_id, return_kind, notify, mail_flags, attempts, created, due, last_status, is_held, forwarder, place) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?, '', 0, ?, ?)") \
X(SQL_QUEUE_AT, SQL_QUEUE_FOUND("due = ? AND id > ?")) \
X(SQL_QUEUE_AFTER, SQL_QUEUE_FOUND("due > ?")) \
X(SQL_QUEUE_PAGE, "SELECT " SQL_QUEUE_COLUMNS " FROM " SQL_QUEUE_FROM " WHERE q.id > ? ORDER BY q.id LIMIT ?") \
X(SQL_QUEUE_COUNT, "SELECT count(*) FROM queue") \
X(SQL_QUEUE_HOLD, "UPDATE queue SET is_held = 1 WHERE id = ?") \
X(SQL_QUEUE_MESSAGE, "SELECT message FROM queue WHERE id = ?") \
X(SQL_QUEUE_DELETE, "DELETE FROM queue WHERE id = ?") \
X(SQL_QUEUE_DEFER, "UPDATE queue SET due = ?, last_status = ?, attempts = attempts + 1, notify = notify | ? WHERE id = ?") \
X(SQL_QUEUE_OWE, "UPDATE queue SET due = ?, last_status = ?, notify = notify | ? WHERE id = ?") \
X(SQL_QUEUE_RECALL_LAST, "SELECT max(id) FROM (SELECT id FROM queue WHERE due = ? AND id > ? ORDER BY id LIMIT ?)") \
X(SQL_QUEUE_RECALL, "UPDATE queue SET due = ? WHERE due = ? AND id > ? AND id <= ?") \
X(SQL_QUEUE_DUE, "UPDATE queue SET due = ?, is_held = 0 WHERE id = ?")
/* clang-format on */

#endif

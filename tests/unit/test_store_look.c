/* The audit of a store finds what is wrong: each row damages a sound one in its own way. */
#include <sqlite3.h>

#include "tests/fake/disk.h"
#include "tests/fake/store_look.h"
#include "tests/unit/store_acts.h"

static const struct {
    const char *damage, *wanted; /* a statement, or NULL: a byte of the segment */
} cases[] = {
    {"SELECT 1", ""},
    {NULL, "has a wrong checksum"},
    {"UPDATE blob SET refs = refs + 1", "every body counts its mentions"},
    {"DELETE FROM blob WHERE segment = 0", "every message has its body"},
    {"DELETE FROM entry WHERE uid = 1", "every message is mentioned"},
    {"DELETE FROM message WHERE id = (SELECT MIN(id) FROM message)", "every entry has its message"},
    {"UPDATE queue SET message = 1", "every row of the queue has its message"},
    {"UPDATE mailbox SET uidnext = 2 WHERE id = 1", "UIDs and MODSEQs are below the next"},
    {"UPDATE mailbox SET messages = 1 WHERE id = 1", "mailboxes count their messages"},
    {"UPDATE mailbox SET unseen = 9 WHERE id = 1", "mailboxes count what is unseen"},
    {"UPDATE segment SET live = live - 1", "segments count their live bytes"},
    {"UPDATE segment SET used = 1", "inside of what is used of it"},
    {"UPDATE blob SET \"offset\" = 0", "no two bodies overlap"},
    {"UPDATE blob SET \"offset\" = 9000000 WHERE segment != 0", "is cut off"},
    {"UPDATE blob SET segment = 77 WHERE segment != 0", "could not open"},
    {"UPDATE blob SET segment = 1, \"offset\" = 0 WHERE segment = 0", "no row knows it"},
};

TEST(each_damage_is_found_by_name)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct disk *disk = disk_create(1);
        struct fixture fixture;
        struct store_recipient far = {.address = span_of("x@far.example")};
        fixture_make_on(&fixture, disk_dir(disk), &disk_files);
        check_int(act_append(&fixture, "INBOX", 100), 0);
        check_int(act_append(&fixture, "INBOX", ACT_LARGE), 0);
        check_int(act_accept(&fixture, 200, &far, 1), 0);
        check_case = cases[i].wanted;
        if (cases[i].damage == NULL) {
            check_int(disk_damage(disk, "segments/0000000000000001", 50), 0);
        } else {
            sqlite3 *db = NULL;
            char *path = mem_printf("%s/store.db", disk_dir(disk));
            check_int(sqlite3_open(path, &db), SQLITE_OK);
            check_int(sqlite3_exec(db, cases[i].damage, NULL, NULL, NULL), SQLITE_OK);
            (void)sqlite3_close(db);
            mem_free(path);
        }
        char *wrong = look_audit(disk_dir(disk), &disk_files, LOOK_AFTER_START);
        if ((*cases[i].wanted == '\0') != (*wrong == '\0') ||
            strstr(wrong, cases[i].wanted) == NULL)
            CHECK_FAILED("%s: got \"%s\"", cases[i].damage, wrong);
        mem_free(wrong);
        fixture_free(&fixture);
        disk_free(&disk);
    }
}

CHECK_MAIN({"each_damage_is_found_by_name", each_damage_is_found_by_name})

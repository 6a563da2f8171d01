/* The disk in memory itself: what is durable and what is not, room, faults, and a store on it. */
#include <fcntl.h>

#include "tests/fake/disk.h"
#include "tests/unit/store_fixture.h"

enum { SEED = 7 };

struct rig {
    struct disk *disk;
    int root, fd;
};

static int open_file(const struct rig *rig, const char *path, int flags)
{
    int fd = -1;
    check_int(disk_files.open(rig->root, path, flags, 0600, &fd), 0);
    return fd;
}

static void rig_open(struct rig *rig)
{
    check_int(disk_files.open(AT_FDCWD, disk_dir(rig->disk), O_RDONLY | O_DIRECTORY, 0, &rig->root),
              0);
    rig->fd = open_file(rig, "file", O_RDWR | O_CREAT);
}

static void rig_close(struct rig *rig)
{
    (void)disk_files.close(rig->fd);
    (void)disk_files.close(rig->root);
}

static struct rig rig_make(uint64_t seed)
{
    struct rig rig = {.disk = disk_create(seed)};
    rig_open(&rig);
    check_int(disk_files.sync_dir(rig.root), 0);
    return rig;
}

static void rig_cut(struct rig *rig, enum disk_survival survival)
{
    disk_power_off(rig->disk);
    rig_close(rig);
    disk_power_on(rig->disk, survival);
    rig_open(rig);
}

static void rig_free(struct rig *rig)
{
    rig_close(rig);
    disk_free(&rig->disk);
}

static int put(const struct rig *rig, const char *text, int64_t offset)
{
    struct iovec part = {(void *)(uintptr_t)text, strlen(text)};
    return disk_files.pwritev(rig->fd, &part, 1, offset);
}

static void check_bytes(const struct rig *rig, int64_t offset, const char *wanted)
{
    char bytes[64] = "";
    int64_t got = disk_files.pread(rig->fd, bytes, strlen(wanted), offset);
    check_span(span_make(bytes, got < 0 ? 0 : (size_t)got), wanted);
}

TEST(what_was_not_synced_is_gone_after_a_power_cut)
{
    struct rig rig = rig_make(SEED);
    check_int(put(&rig, "first", 0), 0);
    check_int(disk_files.fdatasync(rig.fd), 0);
    check_int(put(&rig, "FI", 0), 0);
    check_int(put(&rig, "behind", 10000), 0);
    check_bytes(&rig, 0, "FIrst");
    rig_cut(&rig, DISK_KEEPS_ALL);
    check_bytes(&rig, 0, "FIrst");
    check_bytes(&rig, 10000, "behind");
    rig_cut(&rig, DISK_DROPS_ALL);
    check_bytes(&rig, 0, "first");
    char byte;
    check_int(disk_files.pread(rig.fd, &byte, 1, 5), 0);
    rig_free(&rig);
}

TEST(names_need_their_directorys_sync)
{
    struct rig rig = rig_make(SEED);
    int fd = open_file(&rig, "new", O_RDWR | O_CREAT | O_EXCL);
    check_int(disk_files.fdatasync(fd), 0);
    (void)disk_files.close(fd);
    check_int(disk_files.rename(rig.root, "file", "moved"), 0);
    rig_cut(&rig, DISK_DROPS_ALL);
    check_int(disk_files.open(rig.root, "new", O_RDONLY, 0, &fd), ERR_NOT_FOUND);
    check_int(disk_files.open(rig.root, "moved", O_RDONLY, 0, &fd), ERR_NOT_FOUND);
    check_int(disk_files.rename(rig.root, "file", "moved"), 0);
    check_int(disk_files.sync_dir(rig.root), 0);
    rig_cut(&rig, DISK_DROPS_ALL);
    (void)disk_files.close(open_file(&rig, "moved", O_RDONLY));
    check_int(disk_files.unlink(rig.root, "moved"), 0);
    rig_cut(&rig, DISK_DROPS_ALL);
    (void)disk_files.close(open_file(&rig, "moved", O_RDONLY));
    rig_free(&rig);
}

/* A page that is kept by half has whole sectors of either state. */
TEST(a_part_survives_and_the_seed_says_which)
{
    char old[8192], new[8192], left[2][8192];
    unsigned kept = 0, dropped = 0;
    memset(old, 'o', sizeof old);
    memset(new, 'n', sizeof new);
    for (uint64_t seed = 1; seed <= 64; seed++) {
        for (int turn = 0; turn < 2; turn++) {
            struct rig rig = rig_make(seed);
            struct iovec part = {old, sizeof old};
            check_int(disk_files.pwritev(rig.fd, &part, 1, 0), 0);
            check_int(disk_files.fdatasync(rig.fd), 0);
            part.iov_base = new;
            check_int(disk_files.pwritev(rig.fd, &part, 1, 0), 0);
            rig_cut(&rig, DISK_KEEPS_A_PART);
            check_int(disk_files.pread(rig.fd, left[turn], sizeof *left, 0), sizeof *left);
            rig_free(&rig);
        }
        check(memcmp(left[0], left[1], sizeof *left) == 0);
        for (size_t i = 0; i < sizeof *left; i += 512) {
            check(memcmp(left[0] + i, left[0] + i + 1, 511) == 0);
            kept += left[0][i] == 'n';
            dropped += left[0][i] == 'o';
        }
    }
    check(kept > 100 && dropped > 100);
}

/* Whatever a later sync says; but writing it again helps. */
TEST(a_sync_that_fails_has_lost_what_it_was_for)
{
    struct disk_plan plan = {DISK_SYNC, 1, DISK_FAIL_ONCE, ERR_IO};
    for (uint64_t seed = 1; seed < 9; seed++) {
        struct rig rig = rig_make(seed);
        check_int(put(&rig, "lost", 0), 0);
        disk_set_plan(rig.disk, &plan);
        check_int(disk_files.fdatasync(rig.fd), ERR_IO);
        check_int(disk_files.fdatasync(rig.fd), 0);
        check_int(disk_distrusted_writes(rig.disk), 0);
        check_int(put(&rig, "elsewhere", 100000), 0);
        check_int(disk_distrusted_writes(rig.disk), 1);
        rig_cut(&rig, DISK_DROPS_ALL);
        char bytes[4] = "xxxx";
        (void)disk_files.pread(rig.fd, bytes, sizeof bytes, 0);
        check(memcmp(bytes, "lost", 4) != 0);
        check_int(put(&rig, "kept", 0), 0);
        check_int(disk_files.fdatasync(rig.fd), 0);
        rig_cut(&rig, DISK_DROPS_ALL);
        check_bytes(&rig, 0, "kept");
        rig_free(&rig);
    }
}

TEST(a_full_disk_takes_what_fits_and_is_well_with_more_room)
{
    struct rig rig = rig_make(SEED);
    disk_set_size(rig.disk, 6);
    check_int(put(&rig, "1234567890", 0), ERR_FULL);
    check_int((long long)disk_used(rig.disk), 6);
    check_bytes(&rig, 0, "123456");
    check_int(put(&rig, "over", 0), 0);
    check_int(disk_files.zero_fill(rig.fd, 4, 5), ERR_FULL);
    disk_set_size(rig.disk, 10);
    check_int(put(&rig, "1234567890", 0), 0);
    check_int(disk_files.unlink(rig.root, "file"), 0);
    (void)disk_files.close(rig.fd);
    check_int((long long)disk_used(rig.disk), 0);
    rig.fd = open_file(&rig, "file", O_RDWR | O_CREAT);
    rig_free(&rig);
}

TEST(the_nth_of_a_kind_fails_and_is_named)
{
    struct rig rig = rig_make(SEED);
    struct disk_plan plan = {DISK_WRITE | DISK_SYNC, 3, DISK_FAIL_ON, ERR_FULL};
    disk_set_plan(rig.disk, &plan);
    check_int(put(&rig, "a", 0), 0);
    check_int(disk_files.fdatasync(rig.fd), 0);
    check(!disk_was_reached(rig.disk));
    check_int(put(&rig, "b", 0), ERR_FULL);
    check_text(disk_reached_text(rig.disk), "WRITE file");
    check_int(disk_files.fdatasync(rig.fd), ERR_FULL);
    check_int((long long)disk_count(rig.disk, DISK_ALL), 4);
    plan = (struct disk_plan){DISK_WRITE, 1, DISK_POWER_OFF, 0};
    disk_set_plan(rig.disk, &plan);
    check_int(put(&rig, "c", 0), ERR_IO);
    check(disk_is_off(rig.disk));
    check_int(disk_files.fdatasync(rig.fd), ERR_IO);
    rig_cut(&rig, DISK_KEEPS_ALL);
    check_bytes(&rig, 0, "c");
    rig_free(&rig);
}

/* A whole store: what was answered is there after each kind of power cut. */
TEST(a_store_lives_on_it)
{
    struct fixture fixture;
    struct disk *disk = disk_create(SEED);
    fixture_make_on(&fixture, disk_dir(disk), &disk_files);
    for (int i = DISK_KEEPS_ALL; i <= DISK_KEEPS_A_PART; i++) {
        check(fixture_append(&fixture, "INBOX", "Subject: 1\r\n\r\ntext\r\n", 0) ==
              (uint32_t)i + 1);
        disk_power_off(disk);
        store_close(&fixture.store);
        disk_power_on(disk, (enum disk_survival)i);
        fixture_open(&fixture);
    }
    struct fixture_session inbox = fixture_select(&fixture, "INBOX");
    check_int(inbox.uidnext, 4);
    store_view_unref(&inbox.view);
    fixture_free(&fixture);
    disk_free(&disk);
}

CHECK_MAIN({"what_was_not_synced_is_gone_after_a_power_cut",
            what_was_not_synced_is_gone_after_a_power_cut},
           {"names_need_their_directorys_sync", names_need_their_directorys_sync},
           {"a_part_survives_and_the_seed_says_which", a_part_survives_and_the_seed_says_which},
           {"a_sync_that_fails_has_lost_what_it_was_for",
            a_sync_that_fails_has_lost_what_it_was_for},
           {"a_full_disk_takes_what_fits_and_is_well_with_more_room",
            a_full_disk_takes_what_fits_and_is_well_with_more_room},
           {"the_nth_of_a_kind_fails_and_is_named", the_nth_of_a_kind_fails_and_is_named},
           {"a_store_lives_on_it", a_store_lives_on_it})

/* Tests of base/file.h: whole files. */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "tests/unit/check.h"

static char dir[] = "/tmp/postern-file-XXXXXX";

static void write_key(const char *path)
{
    struct fault fault;

    check_int(file_write_all(path, "secret", 6, 0600, &fault), 0);
}

static void check_written(const char *path)
{
    struct stat status;
    struct fault fault;
    char *text = NULL;
    size_t len = 0;

    check_int(file_read_all(path, 100, &text, &len, &fault), 0);
    check_span(span_make(text, len), "secret");
    mem_free(text);
    check_int(lstat(path, &status), 0);
    check(S_ISREG(status.st_mode));
    check_int(status.st_mode & 0777, 0600);
}

TEST(test_a_file_is_replaced_with_its_mode)
{
    char *path = mem_printf("%s/key", dir), *temporary = mem_printf("%s.new", path);
    struct stat status;

    write_key(path);
    check_int(chmod(path, 0644), 0);
    write_key(path);
    check_written(path);
    check(lstat(temporary, &status) != 0 && errno == ENOENT);
    check_int(unlink(path), 0);
    mem_free(path), mem_free(temporary);
}

/* Its owner may read it later, whatever mode it is given. */
TEST(test_nothing_is_written_into_a_file_that_was_there)
{
    char *path = mem_printf("%s/key", dir), *temporary = mem_printf("%s.new", path);
    struct stat status;
    int fd = open(temporary, O_RDWR | O_CREAT | O_CLOEXEC, 0666);

    check(fd >= 0);
    write_key(path);
    check_written(path);
    check_int(fstat(fd, &status), 0);
    check_int(status.st_size, 0);
    check_int(status.st_nlink, 0);
    check_int(close(fd), 0);
    check_int(unlink(path), 0);
    mem_free(path), mem_free(temporary);
}

TEST(test_a_link_is_not_followed)
{
    char *path = mem_printf("%s/key", dir), *temporary = mem_printf("%s.new", path);
    char *other = mem_printf("%s/other", dir);
    struct stat status;

    check_int(symlink(other, temporary), 0);
    check_int(symlink(other, path), 0);
    write_key(path);
    check_written(path);
    check(lstat(other, &status) != 0 && errno == ENOENT);
    check_int(unlink(path), 0);
    mem_free(path), mem_free(temporary), mem_free(other);
}

int main(int argc, char **argv)
{
    static const struct check_test tests[] = {
        {"test_a_file_is_replaced_with_its_mode", test_a_file_is_replaced_with_its_mode},
        {"test_nothing_is_written_into_a_file_that_was_there",
         test_nothing_is_written_into_a_file_that_was_there},
        {"test_a_link_is_not_followed", test_a_link_is_not_followed},
    };

    if (mkdtemp(dir) == NULL)
        return 1;
    int status = check_run(argc, argv, tests, sizeof tests / sizeof *tests);
    (void)rmdir(dir);
    return status;
}

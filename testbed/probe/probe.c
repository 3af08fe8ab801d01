/* What an init starts in the tests and benchmarks: a program that looks at what an init does for it, and to it.
 *
 * It is C, and linked statically, because starting it must cost next to nothing: what a benchmark then sees is the init.
 * The first argument says what it does; see `modes` at the end. All output is by write(2), so that nothing is lost or
 * written twice, whatever ends the program. It exits with 125 where it cannot do what it is asked to, and says why.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static void fail(const char *what)
{
    dprintf(2, "probe: %s: %s\n", what, errno ? strerror(errno) : "not as it should be");
    _exit(125);
}

static long number(const char *text, long otherwise)
{
    if (!text)
        return otherwise;
    char *end;
    long value = strtol(text, &end, 10);
    if (end == text || *end) {
        errno = EINVAL;
        fail(text);
    }
    return value;
}

static void write_byte(int fd)
{
    if (write(fd, "!", 1) != 1)
        fail("write a byte");
}

static void pause_milliseconds(double milliseconds)
{
    struct timespec left = {(time_t)(milliseconds / 1e3), 0};
    left.tv_nsec = (long)((milliseconds - left.tv_sec * 1e3) * 1e6);
    while (nanosleep(&left, &left) == -1 && errno == EINTR)
        ;
}

static double now_milliseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1e3 + now.tv_nsec / 1e6;
}

/* `true`: ends at once. */
static int mode_true(char **arguments)
{
    (void)arguments;
    return 0;
}

/* `exit [CODE]`: ends at once, with that. */
static int mode_exit(char **arguments)
{
    return number(arguments[0], 0);
}

/* `ready [FD]`: a byte as soon as it runs; it then waits for a signal to end it. */
static int mode_ready(char **arguments)
{
    write_byte(number(arguments[0], 1));
    while (pause() == -1)
        ;
    return 0;
}

static int answer_fd;

static void answer(int signal)
{
    (void)signal;
    write_byte(answer_fd);
    _exit(0);
}

/* `term [FD]`: a byte when SIGTERM would be noticed, another one when it was, and the end. */
static int mode_term(char **arguments)
{
    answer_fd = number(arguments[0], 1);
    struct sigaction action = {.sa_handler = answer};
    if (sigaction(SIGTERM, &action, NULL) == -1)
        fail("sigaction");
    return mode_ready(arguments);
}

/* `linger MILLISECONDS`: lives that long, with the dispositions it was given. A SIGTERM that reached it shows as such;
 * one that was lost on the way shows as 0. */
static int mode_linger(char **arguments)
{
    pause_milliseconds(number(arguments[0], 60));
    return 0;
}

/* Makes `count` orphans, which all live until the pipe whose writing end is returned is closed. Their PIDs are in `pids`,
 * which has to be memory that is shared with children. */
static int make_orphans(long count, pid_t *pids)
{
    int ends[2];
    if (pipe(ends) == -1)
        fail("pipe");
    pid_t between = fork();
    if (between == -1)
        fail("fork");
    if (between == 0) {
        close(ends[1]);
        for (long index = 0; index < count; index++) {
            pid_t orphan = fork();
            if (orphan == -1)
                fail("fork an orphan");
            if (orphan == 0) {
                char byte;
                while (read(ends[0], &byte, 1) == -1 && errno == EINTR)
                    ;
                _exit(0);
            }
            /* Not `pids[index] = fork()`: in the child, too, that would write to the memory that is shared. */
            pids[index] = orphan;
        }
        _exit(0);
    }
    close(ends[0]);
    /* By the time it can be waited for, the kernel has given its children away. */
    int status;
    if (waitpid(between, &status, 0) != between || status != 0) {
        errno = 0;
        fail("the process that makes orphans");
    }
    return ends[1];
}

static pid_t *shared_pids(long count)
{
    if (count < 1) {
        errno = EINVAL;
        fail("how many orphans");
    }
    pid_t *pids = mmap(NULL, count * sizeof(pid_t), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (pids == MAP_FAILED)
        fail("mmap");
    return pids;
}

/* `orphans [COUNT]`: how many milliseconds pass from the simultaneous end of so many orphans until none of them exists,
 * not even as a zombie: until then, kill(pid, 0) succeeds. */
static int mode_orphans(char **arguments)
{
    long count = number(arguments[0], 10000);
    pid_t *pids = shared_pids(count);
    int pipe = make_orphans(count, pids);
    double start = now_milliseconds();
    close(pipe);
    for (long index = 0; index < count; index++)
        while (kill(pids[index], 0) == 0 || errno != ESRCH)
            /* Long enough to leave the processors to those who end and to the init. */
            pause_milliseconds(0.5);
    dprintf(1, "%.3f\n", now_milliseconds() - start);
    return 0;
}

/* `storm COUNT CODE`: ends with that code at about the same time as so many orphans do. */
static int mode_storm(char **arguments)
{
    long count = number(arguments[0], 1000);
    long code = arguments[0] ? number(arguments[1], 0) : 0;
    close(make_orphans(count, shared_pids(count)));
    return code;
}

static void show_mask(const char *name, const char *field)
{
    char text[8192];
    int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
    ssize_t length = fd == -1 ? -1 : read(fd, text, sizeof text - 1);
    if (length <= 0)
        fail("/proc/self/status");
    close(fd);
    text[length] = 0;
    char *found = strstr(text, field);
    if (!found) {
        errno = 0;
        fail(field);
    }
    dprintf(1, "%s %.16s\n", name, found + strlen(field));
}

static void show_descriptors(void)
{
    DIR *directory = opendir("/proc/self/fd");
    if (!directory)
        fail("/proc/self/fd");
    dprintf(1, "fds");
    struct dirent *entry;
    while ((entry = readdir(directory)))
        if (entry->d_name[0] != '.' && atoi(entry->d_name) != dirfd(directory))
            dprintf(1, " %s", entry->d_name);
    dprintf(1, "\n");
    closedir(directory);
}

/* `show`: what was inherited, an item a line. */
static int mode_show(char **arguments)
{
    (void)arguments;
    show_mask("blocked", "SigBlk:\t");
    show_mask("ignored", "SigIgn:\t");
    char directory[4096];
    if (!getcwd(directory, sizeof directory))
        fail("getcwd");
    dprintf(1, "pid %d\nppid %d\npgid %d\nsid %d\ncwd %s\n", getpid(), getppid(), getpgid(0), getsid(0), directory);
    show_descriptors();
    if (isatty(0))
        dprintf(1, "foreground %d\n", tcgetpgrp(0));
    else
        dprintf(1, "foreground none\n");
    int terminal = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
    dprintf(1, "ctty %s\n", terminal == -1 ? "no" : "yes");
    for (char **variable = environ; *variable; variable++)
        if (strncmp(*variable, "LISTEN_", 7) == 0)
            dprintf(1, "%s\n", *variable);
    return 0;
}

/* `signals [stay]`: `ready`, then the number of each signal that arrives, a line each. SIGTERM ends it, unless it is to
 * stay; then only SIGKILL does. The signals are blocked and waited for, by the kernel's own calls: the C library keeps
 * 32 and 33 to itself. A blocked signal is never discarded, whatever its disposition is. */
static int mode_signals(char **arguments)
{
    int stay = arguments[0] && strcmp(arguments[0], "stay") == 0;
    unsigned long long all = ~0ULL;
    if (syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, NULL, sizeof all) == -1)
        fail("rt_sigprocmask");
    dprintf(1, "ready\n");
    for (;;) {
        long signal = syscall(SYS_rt_sigtimedwait, &all, NULL, NULL, sizeof all);
        if (signal > 0)
            dprintf(1, "%ld\n", signal);
        else if (errno != EINTR)
            fail("rt_sigtimedwait");
        if (signal == SIGTERM && !stay)
            return 0;
    }
}

/* `no-netlink -- PROGRAM [ARGUMENT...]`: becomes that program, for which and for whose children there are no netlink sockets,
 * as under a unit's RestrictAddressFamilies or a container's seccomp profile. */
static int mode_no_netlink(char **arguments)
{
    struct sock_filter steps[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 0, 3),
        /* The lower half of the first argument, here where it comes first. */
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_NETLINK, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EAFNOSUPPORT),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog filter = {sizeof steps / sizeof steps[0], steps};
    if (!arguments[0] || !arguments[1]) {
        errno = EINVAL;
        fail("which program");
    }
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == -1)
        fail("seccomp");
    execv(arguments[1], arguments + 1);
    fail(arguments[1]);
    return 125;
}

static const struct {
    const char *name;
    int (*run)(char **arguments);
} modes[] = {
    {"true", mode_true},       {"exit", mode_exit},   {"ready", mode_ready}, {"term", mode_term},
    {"linger", mode_linger},   {"storm", mode_storm}, {"show", mode_show},   {"signals", mode_signals},
    {"orphans", mode_orphans}, {"no-netlink", mode_no_netlink},
};

int main(int count, char **words)
{
    /* As the interpreter of a script (`#!/path/of/probe MODE`), it has the script's path behind its own argument, and behind
     * that what the script was given. */
    if (count > 2 && strchr(words[2], '/'))
        words[2] = NULL;
    for (size_t index = 0; count > 1 && index < sizeof modes / sizeof modes[0]; index++)
        if (strcmp(words[1], modes[index].name) == 0)
            _exit(modes[index].run(words + 2));
    errno = EINVAL;
    fail("mode");
}

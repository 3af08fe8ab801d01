# Builds the root of a host in a new mount namespace, then holds it until standard input ends.
#
# The new root is a tmpfs with everything of the real root bound into it, except that /consul, /run, /var/log, /var/run
# and /dev are the host's own, empty and writable: an ordinary user could make none of them on the real root.
# It is built on /tmp because every machine has that; the real /tmp is bound in last, from the old root.
set -eu
mount --make-rprivate /
mount -t tmpfs -o mode=755 testbed /tmp
cd /tmp
mkdir .old
for path in /* /.[!.]*; do
    name=${path#/}
    case $name in tmp | consul | run | dev) continue ;; esac
    if [ -L "$path" ]; then
        ln -s "$(readlink "$path")" "$name"
    elif [ -d "$path" ]; then
        mkdir "$name"
        # Recursively, or a user namespace would not let us have it; what we may not bind, a host can do without.
        mount --rbind "$path" "$name" 2>/dev/null || rmdir "$name"
    fi
done

mkdir -p consul/config consul/data run
mount -t tmpfs -o mode=755 testbed-log var/log
[ -L var/run ] || mount -t tmpfs -o mode=755 testbed-run var/run

mkdir dev
mount -t tmpfs -o mode=755 testbed-dev dev
mkdir dev/pts dev/shm
for node in null zero full random urandom tty; do
    : >"dev/$node"
    mount --bind "/dev/$node" "dev/$node"
done
mount --rbind /dev/pts dev/pts
mount -t tmpfs -o mode=1777 testbed-shm dev/shm
ln -s /proc/self/fd dev/fd
ln -s /proc/self/fd/0 dev/stdin
ln -s /proc/self/fd/1 dev/stdout
ln -s /proc/self/fd/2 dev/stderr

pivot_root . .old
cd /
mkdir tmp
mount --rbind /.old/tmp /tmp
umount -l /.old
rmdir /.old
echo ready
exec cat >/dev/null

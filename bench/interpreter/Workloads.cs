using System.Text;
using Vitrine.Boot;

namespace Vitrine.Bench.Interpreter;

/// <summary>The guest's side: an init that runs one workload after the other and marks the end of each on the console.</summary>
internal static class Workloads
{
    public const string CommandLine = "console=ttyS0 quiet panic=-1";

    private const string Init =
        """
        #!/bin/busybox sh
        /bin/busybox mkdir -p /bin /proc /tmp
        /bin/busybox --install -s /bin
        mount -t proc proc /proc
        mount -t tmpfs tmpfs /tmp
        cd /tmp
        echo "@@ boot"
        i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done
        echo "@@ shell-loop"
        dd if=/dev/zero bs=1M count=16 2>/dev/null | sha256sum >/dev/null
        echo "@@ sha256sum"
        i=0; while [ $i -lt 6000 ]; do echo "line $i of text that repeats $((i*7919%1000))"; i=$((i+1)); done > text
        echo "@@ text"
        gzip -c text > text.gz
        echo "@@ gzip"
        gunzip -c text.gz > /dev/null
        echo "@@ gunzip"
        sort text > sorted
        echo "@@ sort"
        awk '{ n[$6] += length($0) } END { for (k in n) s += n[k] * 1.5; print s }' text > /dev/null
        echo "@@ awk"
        i=0; while [ $i -lt 300 ]; do /bin/true; i=$((i+1)); done
        echo "@@ fork-exec"
        poweroff -f
        """;

    public static byte[] BuildInitramfs(byte[] busybox) => new Initramfs()
        .AddDirectory("dev")
        .AddCharacterDevice("dev/console", 5, 1)
        .AddCharacterDevice("dev/null", 1, 3)
        .AddCharacterDevice("dev/zero", 1, 5)
        .AddDirectory("bin")
        .AddFile("bin/busybox", busybox, Initramfs.Executable)
        .AddFile("init", Encoding.UTF8.GetBytes(Init.ReplaceLineEndings("\n") + "\n"), Initramfs.Executable)
        .ToArray();
}

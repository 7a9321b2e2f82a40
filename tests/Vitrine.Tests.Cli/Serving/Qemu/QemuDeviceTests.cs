using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using Xunit;

namespace Vitrine.Tests.Cli.Serving.Qemu;

/// <summary>QEMU's devices in a Linux guest: their interrupts, their doorbells (ioeventfds) and their DMA into memory that the software CPU executes from.</summary>
/// <param name="linux">The kernel.</param>
[Collection(QemuCollection.Name)]
public sealed class QemuDeviceTests(LinuxFiles linux)
{
    private const int DiskSize = 4 << 20;

    [Theory]
    [InlineData(QemuEngine.Served, "-M pc -device virtio-blk-pci,drive=disk")]
    [InlineData(QemuEngine.Served, "-M q35 -smp 2 -object iothread,id=io -device virtio-blk-pci,drive=disk,iothread=io")]
    [InlineData(QemuEngine.ServedSplit, "-M q35 -device virtio-blk-pci,drive=disk")]
    [InlineData(QemuEngine.ServedOff, "-M pc -device virtio-blk-pci,drive=disk")]
    [InlineData(QemuEngine.Served, "-M microvm -device virtio-blk-device,drive=disk")]
    public void LinuxReadsAndWritesADisk(QemuEngine engine, string arguments)
    {
        QemuMachine.SkipUnlessPresent();
        const string Copy =
            "md5sum /dev/vda; dd if=/dev/vda of=/dev/vda bs=64k count=32 seek=32 conv=notrunc 2>/dev/null; sync; echo 3 > /proc/sys/vm/drop_caches; md5sum /dev/vda";
        byte[] content = RandomNumberGenerator.GetBytes(DiskSize);
        string path = Path.GetTempFileName();
        try
        {
            File.WriteAllBytes(path, content);
            string digest = Digest(content);
            content.AsSpan(0, DiskSize / 2).CopyTo(content.AsSpan(DiskSize / 2));
            string[] disk = ["-drive", $"file={path},format=raw,if=none,id=disk"];
            using QemuMachine qemu = new(engine, [.. arguments.Split(' '), .. disk, .. linux.Boot(Copy, virtio: true)]);
            qemu.ReadUntil($"{digest}  /dev/vda\n");
            qemu.ReadUntil($"{Digest(content)}  /dev/vda\n");
            Assert.Equal(0, qemu.WaitForExit().Status);
            Assert.Equal(Digest(content), Digest(File.ReadAllBytes(path)));
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Theory]
    [InlineData(QemuEngine.Served, "-M pc -device virtio-net-pci,netdev=net")]
    [InlineData(QemuEngine.ServedSplit, "-M q35 -smp 2 -device virtio-net-pci,netdev=net")]
    [InlineData(QemuEngine.Served, "-M microvm -device virtio-net-device,netdev=net")]
    public async Task LinuxFetchesAFileFromTheTest(QemuEngine engine, string arguments)
    {
        QemuMachine.SkipUnlessPresent();
        byte[] content = RandomNumberGenerator.GetBytes(DiskSize);
        using TcpListener server = new(IPAddress.Loopback, 0);
        server.Start();
        Task answer = AnswerOnceAsync(server, content);
        int port = ((IPEndPoint)server.LocalEndpoint).Port;
        string script = $"ip link set eth0 up; ip addr add 10.0.2.15/24 dev eth0; wget -q -O /file http://10.0.2.2:{port}/; md5sum /file; ping -c 2 10.0.2.2";
        using QemuMachine qemu = new(engine, [.. arguments.Split(' '), "-netdev", "user,id=net", .. linux.Boot(script, virtio: true)]);
        qemu.ReadUntil($"{Digest(content)}  /file\n");
        qemu.ReadUntil("2 packets received");
        Assert.Equal(0, qemu.WaitForExit().Status);
        await answer;
    }

    private static async Task AnswerOnceAsync(TcpListener server, byte[] content)
    {
        using TcpClient client = await server.AcceptTcpClientAsync(TestContext.Current.CancellationToken);
        NetworkStream stream = client.GetStream();
        StreamReader request = new(stream, Encoding.Latin1);
        while (await request.ReadLineAsync(TestContext.Current.CancellationToken) is { Length: > 0 })
        {
        }

        await stream.WriteAsync(Encoding.Latin1.GetBytes($"HTTP/1.0 200 OK\r\nContent-Length: {content.Length}\r\n\r\n"), TestContext.Current.CancellationToken);
        await stream.WriteAsync(content, TestContext.Current.CancellationToken);
    }

    private static string Digest(byte[] content) => Convert.ToHexStringLower(MD5.HashData(content));
}

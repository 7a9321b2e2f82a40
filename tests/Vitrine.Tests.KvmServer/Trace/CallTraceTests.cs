using System.Globalization;
using System.Text.RegularExpressions;
using Vitrine.Accelerators.Software;
using Vitrine.Kvm.Abi;
using Vitrine.KvmServer;
using Vitrine.KvmServer.Trace;
using Vitrine.Tests.KvmServer.Client;
using Xunit;

namespace Vitrine.Tests.KvmServer.Trace;

/// <summary>What is written down of a client's calls.</summary>
public sealed partial class CallTraceTests : IDisposable
{
    private readonly string _path = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());

    public void Dispose() => File.Delete(_path);

    [Fact]
    public void EachCallIsALine()
    {
        using (CallTrace trace = CallTrace.Open(_path)!)
        {
            // mov al, 'A'; out 0xE9, al; hlt
            using KvmClient client = KvmClient.WithRealModeCode([0xB0, 0x41, 0xE6, 0xE9, 0xF4], new KvmHostOptions { Observer = trace });
            Assert.Equal(KvmExit.KVM_EXIT_IO, client.RunToExit(client.Vcpu));
            Assert.Equal(-Errno.EFAULT, client.Host.Ioctl(client.Vcpu, KvmIoctl.KVM_SET_REGS, 8));
            Assert.Equal(-Errno.ENOTTY, client.Host.Ioctl(client.Vm, 0x1234AEFF, 7));
        }

        string[] lines = File.ReadAllLines(_path);
        Assert.StartsWith("# process ", lines[0], StringComparison.Ordinal);
        Match[] calls = [.. lines.Skip(1).Select(line => Line().Match(line))];
        Assert.All(calls, call => Assert.True(call.Success));
        Assert.Equal(
            ["system KVM_CREATE_VM", "vm 1 KVM_SET_USER_MEMORY_REGION", "vm 1 KVM_CREATE_VCPU", "vcpu 1.0 KVM_GET_SREGS", "vcpu 1.0 KVM_SET_SREGS", "vcpu 1.0 KVM_SET_REGS", "vcpu 1.0 KVM_RUN",
                "vcpu 1.0 KVM_SET_REGS", "vm 1 ioctl 0x1234aeff"],
            calls.Select(call => $"{call.Groups["target"].Value.Trim()} {call.Groups["name"].Value}"));
        Assert.Equal("type=0", calls[0].Groups["arguments"].Value);
        Assert.Matches("^fd [0-9]+$", calls[0].Groups["result"].Value);
        Assert.Contains("rip=0x1000, rflags=0x2", calls[5].Groups["arguments"].Value, StringComparison.Ordinal);
        Assert.Equal("KVM_EXIT_IO (out 1 byte to port 0xe9: 0x41)", calls[6].Groups["result"].Value);
        Assert.Equal(("argument=0x8", "-EFAULT"), (calls[7].Groups["arguments"].Value, calls[7].Groups["result"].Value));
        Assert.Equal(("argument=0x7", "-ENOTTY"), (calls[8].Groups["arguments"].Value, calls[8].Groups["result"].Value));
        double[] times = [.. calls.Select(call => double.Parse(call.Groups["time"].Value, CultureInfo.InvariantCulture))];
        Assert.Equal(times.Order(), times);
        Assert.Single(calls.Select(call => call.Groups["thread"].Value).Distinct());
    }

    /// <summary>Threads write lines, not parts of lines, and each says which it was.</summary>
    [Fact]
    public void ThreadsWriteWholeLines()
    {
        const int Threads = 4;
        const int Calls = 2000;
        using (CallTrace trace = CallTrace.Open(_path)!)
        {
            using KvmHost host = new(new KvmHostOptions { Observer = trace });
            int system = host.Open();
            Thread[] threads = [.. Enumerable.Range(0, Threads).Select(_ => new Thread(() =>
            {
                for (int i = 0; i < Calls; i++) host.Ioctl(system, KvmIoctl.KVM_CHECK_EXTENSION, (ulong)i % 240);
            }))];
            foreach (Thread thread in threads) thread.Start();
            foreach (Thread thread in threads) thread.Join();
            host.Close(system);
        }

        Match[] calls = [.. File.ReadAllLines(_path).Skip(1).Select(line => Line().Match(line))];
        Assert.All(calls, call => Assert.True(call.Success));
        Assert.Equal([Calls, Calls, Calls, Calls], calls.GroupBy(call => call.Groups["thread"].Value).Select(group => group.Count()));
    }

    /// <summary>Several processes may write to one file.</summary>
    [Fact]
    public void LinesOfBeforeStay()
    {
        File.WriteAllText(_path, "before\n");
        CallTrace.Open(_path)!.Dispose();
        Assert.Equal("before", File.ReadAllLines(_path)[0]);
    }

    /// <summary>A killed process loses a second at most.</summary>
    [Fact]
    public void LinesReachTheFileByThemselves()
    {
        using CallTrace trace = CallTrace.Open(_path)!;
        Assert.True(SpinWait.SpinUntil(() => new FileInfo(_path).Length > 0, TimeSpan.FromMinutes(1)));
    }

    [Fact]
    public void AFileThatCannotBeOpenedIsNoTrace() => Assert.Null(CallTrace.Open("/proc/none/trace"));

    [Fact]
    public void CallsExitsAndVcpusAreCounted()
    {
        CallStatistics statistics = new();
        KvmHostOptions options = new() { Observer = new CallObservers([statistics]), Cpu = new SoftwareOptions { Statistics = true } };
        string text;
        using (KvmClient client = KvmClient.WithRealModeCode([0xE6, 0xE9, 0xE6, 0xE9, 0xF4], options))
        {
            for (int i = 0; i < 3; i++) Assert.Equal(0, client.Run(client.Vcpu));
            Assert.Equal(-Errno.EINVAL, client.Host.Ioctl(client.Vcpu, KvmIoctl.KVM_RUN, 1));
            KeyValuePair<string, Vitrine.Accelerators.Statistics.CpuStatistics> vcpu = Assert.Single(client.Host.Statistics);
            Assert.Equal("vCPU 0 of machine 1", vcpu.Key);
            Assert.Equal(3UL, vcpu.Value.InterpretedInstructions + (vcpu.Value.Translation?.InstructionsRun ?? 0));
            text = statistics.Write(client.Host.Statistics);
        }

        Assert.Matches(@"(?m)^  KVM_RUN +4 +1 ", text);
        Assert.Matches(@"(?m)^  KVM_CREATE_VM +1 +0 ", text);
        Assert.Matches(@"(?m)^  KVM_EXIT_IO +2 +0 ", text);
        Assert.Matches(@"(?m)^  KVM_EXIT_HLT +1 +0 ", text);
        Assert.Matches(@"(?m)^  EINVAL +1 +1 ", text);
        Assert.Contains("vCPU 0 of machine 1\nStatistics of the software CPU: ", text, StringComparison.Ordinal);
    }

    /// <summary>A client that closes its vCPUs at its end has been counted all the same.</summary>
    [Fact]
    public void AVcpuThatHasEndedStaysCounted()
    {
        using KvmHost host = new(new KvmHostOptions { Cpu = new SoftwareOptions { Statistics = true } });
        int system = host.Open();
        int vm = (int)host.Ioctl(system, KvmIoctl.KVM_CREATE_VM, 0);
        int vcpu = (int)host.Ioctl(vm, KvmIoctl.KVM_CREATE_VCPU, 0);
        Assert.Single(host.Statistics);
        host.Close(vcpu);
        Assert.Equal("vCPU 0 of machine 1", Assert.Single(host.Statistics).Key);
        host.Close(vm);
        host.Close(system);
    }

    [GeneratedRegex(@"^ +(?<time>[0-9]+\.[0-9]{6}) +(?<thread>[0-9]+) (?<target>[a-z]+( [0-9.]+)? *) (?<name>(KVM_|ioctl )[A-Za-z0-9_]+)\((?<arguments>.*)\) = (?<result>.*) <[0-9]+\.[0-9] µs>$")]
    private static partial Regex Line();
}

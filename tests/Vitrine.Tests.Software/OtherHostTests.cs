using System.Runtime.InteropServices;
using Vitrine.Accelerators.Software;
using Vitrine.Errors;
using Xunit;

namespace Vitrine.Tests.Software;

/// <summary>What the software CPU does on hosts that are not x86-64, as far as it is decided in one place.</summary>
public sealed class OtherHostTests
{
    // Linux' tables of system calls: arch/x86/entry/syscalls/syscall_64.tbl, and include/uapi/asm-generic/unistd.h for the others.
    [Theory]
    [InlineData(Architecture.X64, 202)]
    [InlineData(Architecture.Arm64, 98)]
    [InlineData(Architecture.RiscV64, 98)]
    [InlineData(Architecture.LoongArch64, 98)]
    public void WaitsWithTheHostsOwnSystemCall(Architecture host, int number) => Assert.Equal(number, WakeSignal.FutexCall(host));

    [Fact]
    public void SeveralCpusNeedAHostThatKeepsTheOrderOfStores()
    {
        VitrineException error = Assert.Throws<VitrineException>(() => SoftwareAccelerator.CheckVcpus(2, hostKeepsStoreOrder: false));
        Assert.Equal(ErrorKind.User, error.Kind);
        Assert.Contains("2 CPUs", error.What, StringComparison.Ordinal);
        Assert.Contains("order", error.Why, StringComparison.Ordinal);
        Assert.Equal((ErrorCode.CpuStoreOrder, 2), (error.Code, error.Values["cpus"]));
        SoftwareAccelerator.CheckVcpus(1, hostKeepsStoreOrder: false);
        SoftwareAccelerator.CheckVcpus(8, hostKeepsStoreOrder: true);
    }
}

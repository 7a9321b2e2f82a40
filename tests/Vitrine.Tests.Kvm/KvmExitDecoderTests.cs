using Vitrine.Accelerators;
using Vitrine.Accelerators.Kvm.Run;
using Vitrine.Kvm.Abi;
using Xunit;

namespace Vitrine.Tests.Kvm;

/// <summary>Exits made up byte by byte, at the offsets of &lt;linux/kvm.h&gt;.</summary>
public sealed unsafe class KvmExitDecoderTests
{
    /// <summary>Reason, bytes from offset 32 on, what must come out.</summary>
    public static TheoryData<uint, string, VmExitReason, string> Exits => new()
    {
        { 0, "2A", VmExitReason.Unknown, "detail=0 address=2a" },
        { 1, "", VmExitReason.Unknown, "detail=1 address=0" },
        { 2, "01 02 02 04 03 00 00 00 40", VmExitReason.PortIo, "write port=402 size=2 count=3" },
        { 2, "00 04 F8 0C 01 00 00 00 40", VmExitReason.PortIo, "read port=cf8 size=4 count=1" },
        { 3, "", VmExitReason.Unknown, "detail=3 address=0" },
        { 4, "01 00 00 00 00 00 00 00 34 12 00 00 00 00 00 00 F1 4F", VmExitReason.Debug, "vector=1 address=1234 detail=4ff1" },
        { 5, "", VmExitReason.Halt, "" },
        { 6, "00 00 E0 FE 00 00 00 00 78 56 34 12 00 00 00 00 04 00 00 00 01", VmExitReason.Mmio, "write address=fee00000 size=4 data=78563412" },
        { 6, "10 00 00 00 01 00 00 00 00 00 00 00 00 00 00 00 08 00 00 00 00", VmExitReason.Mmio, "read address=100000010 size=8 data=0000000000000000" },
        { 8, "", VmExitReason.Shutdown, "" },
        { 9, "21 00 00 80", VmExitReason.FailEntry, "detail=80000021" },
        { 10, "", VmExitReason.Interrupted, "" },
        { 11, "", VmExitReason.Ignorable, "detail=b" },
        { 12, "", VmExitReason.Ignorable, "detail=c" },
        { 16, "", VmExitReason.Ignorable, "detail=10" },
        { 17, "01 00 00 00 03 00 00 00 01 00 00 00 00 00 00 00 02 0F 0B", VmExitReason.InternalError, "suberror=1 instruction=0F0B detail=1" },
        { 17, "01 00 00 00 03 00 00 00 01 00 00 00 00 00 00 00 FF 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90", VmExitReason.InternalError, "suberror=1 instruction=909090909090909090909090909090 detail=1" },
        { 17, "01 00 00 00 00 00 00 00", VmExitReason.InternalError, "suberror=1 instruction= detail=0" },
        { 17, "03 00 00 00 02 00 00 00 0E 0B 00 80", VmExitReason.InternalError, "suberror=3 instruction= detail=80000b0e" },
        { 24, "01", VmExitReason.SystemEvent, "detail=1" },
        { 24, "02", VmExitReason.SystemEvent, "detail=2" },
        { 26, "31", VmExitReason.IoapicEoi, "vector=31" },
        { 29, "00 00 00 00 00 00 00 00 01 00 00 00 10 00 00 C0", VmExitReason.Msr, "read address=c0000010 size=8" },
        { 30, "00 00 00 00 00 00 00 00 01 00 00 00 1B 00 00 00 05", VmExitReason.Msr, "write address=1b size=8 data=0500000000000000" },
        { 31, "", VmExitReason.Ignorable, "detail=1f" },
        { 33, "", VmExitReason.Ignorable, "detail=21" },
        { 37, "00", VmExitReason.Ignorable, "detail=25" },
        { 37, "01", VmExitReason.InternalError, "suberror=0 detail=25" },
        { 39, "00 00 00 00 00 00 00 00 00 10", VmExitReason.InternalError, "suberror=0 detail=27 address=1000" },
        { 999, "", VmExitReason.Unknown, "detail=3e7 address=0" },
    };

    [Theory]
    [MemberData(nameof(Exits))]
    public void ExitIsDecoded(uint reason, string union, VmExitReason expected, string facts)
    {
        byte[] page = new byte[8192];
        BitConverter.TryWriteBytes(page.AsSpan(8), reason);
        Convert.FromHexString(union.Replace(" ", "", StringComparison.Ordinal)).CopyTo(page, 32);
        fixed (byte* pointer = page)
        {
            VmExit exit = default;
            Assert.True(KvmExitDecoder.Decode((kvm_run*)pointer, ref exit));
            Assert.Equal(expected, exit.Reason);
            foreach (string fact in facts.Split(' ', StringSplitOptions.RemoveEmptyEntries)) Assert.Equal(fact, Actual(exit, fact.Split('=')[0]));
            if (expected == VmExitReason.PortIo)
            {
                Assert.Equal(exit.Size * exit.Count, exit.Data.Length);
                fixed (byte* data = exit.Data) Assert.Equal(0x40, data - pointer);
            }
        }
    }

    [Fact]
    public void InterruptWindowIsNotReported()
    {
        byte[] page = new byte[4096];
        page[0] = 1;
        page[8] = 7;
        fixed (byte* pointer = page)
        {
            VmExit exit = default;
            Assert.False(KvmExitDecoder.Decode((kvm_run*)pointer, ref exit));
        }

        Assert.Equal(0, page[0]);
    }

    [Theory]
    [InlineData(0, "KVM_EXIT_UNKNOWN")]
    [InlineData(2, "KVM_EXIT_IO")]
    [InlineData(6, "KVM_EXIT_MMIO")]
    [InlineData(8, "KVM_EXIT_SHUTDOWN")]
    [InlineData(17, "KVM_EXIT_INTERNAL_ERROR")]
    [InlineData(26, "KVM_EXIT_IOAPIC_EOI")]
    [InlineData(37, "KVM_EXIT_NOTIFY")]
    [InlineData(39, "KVM_EXIT_MEMORY_FAULT")]
    [InlineData(40, "KVM_EXIT_40")]
    [InlineData(ulong.MaxValue, "KVM_EXIT_18446744073709551615")]
    public void ReasonHasItsName(ulong reason, string name) => Assert.Equal(name, KvmExitName.Of(reason));

    [Fact]
    public void NamesAgreeWithTheConstants() =>
        Assert.All(typeof(KvmExit).GetFields(), f => Assert.Equal(f.Name, KvmExitName.Of((uint)f.GetRawConstantValue()!)));

    private static string Actual(in VmExit exit, string key) => key switch
    {
        "write" or "read" => exit.IsWrite ? "write" : "read",
        "port" => $"port={exit.Port:x}",
        "size" => $"size={exit.Size}",
        "count" => $"count={exit.Count}",
        "address" => $"address={exit.Address:x}",
        "data" => $"data={Convert.ToHexString(exit.Data)}",
        "vector" => $"vector={exit.Vector:x}",
        "suberror" => $"suberror={exit.Suberror}",
        "instruction" => $"instruction={Convert.ToHexString(exit.InstructionBytes)}",
        "detail" => $"detail={exit.Detail:x}",
        _ => throw new ArgumentException(key),
    };
}

using Vitrine.Accelerators.Software.Cpu;
using Vitrine.X86.State;
using Xunit;
using M = Vitrine.Tests.Software.SystemMachine;

namespace Vitrine.Tests.Software;

/// <summary>
/// A code segment that may only be executed can't be read (SDM vol. 3, 6.4), "in addition, a CLFLUSH instruction is allowed to flush a linear address in an
/// execute-only segment" (SDM vol. 2, CLFLUSH).
/// </summary>
public sealed unsafe class ExecuteOnlyCodeTests
{
    // SAFETY: machines outlive the pointers taken from them.
    private const uint ExecuteOnly = 0xC099;
    private const uint ConformingExecuteOnly = 0xC09D;
    private const uint Readable = 0xC09B;

    [Theory]
    [InlineData(ExecuteOnly, 0x4000, "#13(0)", "ok")]
    [InlineData(ConformingExecuteOnly, 0x4000, "#13(0)", "ok")]
    [InlineData(Readable, 0x4000, "ok", "ok")]
    [InlineData(ExecuteOnly, 0x8000, "#13(0)", "ok")]
    [InlineData(ExecuteOnly, 0x8001, "#13(0)", "#13(0)")]
    [InlineData(Readable, 0x8001, "#13(0)", "#13(0)")]
    public void LoadsAndFlushes(uint access, uint offset, string load, string flush)
    {
        using M m = M.Protected();
        m.Cpu->Segments[Seg.Fs].Access = access;
        m.Cpu->Segments[Seg.Fs].Limit = 0x8000;
        SegmentFile.Refresh(ref m.Cpu->Segments[Seg.Fs], m.Cpu->Mode);
        m.Cpu->Gpr[Gpr.Rbx] = offset;

        // mov al, fs:[ebx]; clflush fs:[ebx]
        Assert.Equal((load, flush), (m.Execute(0x64, 0x8A, 0x03), m.Execute(0x64, 0x0F, 0xAE, 0x3B)));
    }
}

using Iced.Intel;
using Vitrine.Accelerators.Mmu;
using Vitrine.Accelerators.Software;
using Vitrine.X86.Paging;
using Vitrine.X86.State;
using Xunit;
using static Iced.Intel.AssemblerRegisters;
using M = Vitrine.Tests.Software.Mmu.PagedMachine;

namespace Vitrine.Tests.Software.Coherence;

/// <summary>
/// Firmware without paging has a device read code to a place where code was, polls a word in memory and jumps there. There is no exit, no interrupt and no mapping:
/// nothing tells of the new code but memory.
/// </summary>
public abstract unsafe class UnpagedForeignWriteTests(MmuMode mmu, SoftwareEngine engine)
{
    // SAFETY: pointers are into the machine's memory, which outlives the client's thread.
    private const ulong Words = 0xA000;

    /// <summary>The function is on another page, on the caller's, or in two.</summary>
    [Theory]
    [InlineData(16, 0x9000)]
    [InlineData(16, 0x8800)]
    [InlineData(16, 0x8FFC)]
    [InlineData(32, 0x9000)]
    [InlineData(32, 0x8800)]
    [InlineData(32, 0x8FFC)]
    [InlineData(32, 0x8FFB)]
    public void CodeThatADeviceWroteRunsAfterAWordInMemoryToldOfIt(int bits, ulong function)
    {
        const int Rounds = 100;
        const int SizeOfReturnAndImmediate = 5;
        using M m = new(PagingMode.None, bits, mmu: mmu, engine: engine, foreignWrites: true);
        byte* memory = m.Ram.Pointer;
        int length = m.Place(function, static a =>
        {
            a.mov(eax, 0x1234_5678);
            a.ret();
        });
        byte* immediate = memory + function + (ulong)(length - SizeOfReturnAndImmediate);
        RunResult end = "";
        Thread guest = new(() => end = m.Run(a =>
        {
            Label next = a.CreateLabel();
            Label wait = a.CreateLabel();
            Label good = a.CreateLabel();
            Label again = a.CreateLabel();
            a.mov(ecx, 1);
            a.Label(ref next);
            a.mov(edx, 20);
            a.Label(ref again);
            a.call(function);
            a.dec(edx);
            a.jnz(again);
            a.mov(__dword_ptr[Words + 64], ecx);
            a.Label(ref wait);
            a.cmp(__dword_ptr[Words], ecx);
            a.jne(wait);
            a.call(function);
            a.cmp(eax, ecx);
            a.je(good);
            a.ud2();
            a.Label(ref good);
            a.inc(ecx);
            a.cmp(ecx, Rounds);
            a.jbe(next);
        }));
        guest.Start();
        for (int round = 1; round <= Rounds; round++)
        {
            while (Volatile.Read(ref *(int*)(memory + Words + 64)) != round && !guest.Join(0)) Thread.Yield();
            *(int*)immediate = round;
            Volatile.Write(ref *(int*)(memory + Words), round);
        }

        guest.Join();
        Assert.Equal("ok", end);
    }

    /// <summary>
    /// What an instruction leaves in the flags is there for code that was other code when the caller was made: a caller whose flags nobody needed before.
    /// </summary>
    [Fact]
    public void FlagsReachCodeThatIsNew()
    {
        const byte Port = 0x80;
        const ulong Function = 0x8800;
        using M m = new(PagingMode.None, 32, mmu: mmu, engine: engine, foreignWrites: true);
        byte[] overwrites = M.Bytes(32, Function, static a =>
        {
            a.xor(eax, eax);
            a.add(eax, 1);
            a.ret();
        });
        byte[] reads = M.Bytes(32, Function, static a =>
        {
            a.sbb(eax, eax);
            a.ret();
        });
        m.Write(Function, overwrites);
        m.Write(M.Code + 0x400, M.Bytes(32, M.Code + 0x400, static a =>
        {
            a.cmp(ebx, 5);
            a.jmp(Function);
        }));
        m.OnAccess = () => reads.CopyTo(new Span<byte>(m.Ram.Pointer + Function, reads.Length));
        Assert.Equal("ok", m.Run(static a =>
        {
            a.mov(ebx, 3);
            a.call(M.Code + 0x400);
            a.call(M.Code + 0x400);
            a.@out(Port, al);
            a.call(M.Code + 0x400);
        }));
        Assert.Equal(0xFFFF_FFFFUL, m[Gpr.Rax]);
    }

    public sealed class ShadowInterpreted() : UnpagedForeignWriteTests(MmuMode.Shadow, SoftwareEngine.Interpreter);

    public sealed class ShadowTranslated() : UnpagedForeignWriteTests(MmuMode.Shadow, SoftwareEngine.Translator);

    public sealed class TwoDimensionalInterpreted() : UnpagedForeignWriteTests(MmuMode.TwoDimensional, SoftwareEngine.Interpreter);

    public sealed class TwoDimensionalTranslated() : UnpagedForeignWriteTests(MmuMode.TwoDimensional, SoftwareEngine.Translator);
}

using Vitrine.Accelerators.Software;
using Vitrine.X86.State;
using Xunit;
using static Iced.Intel.AssemblerRegisters;
using M = Vitrine.Tests.Software.Mmu.PagedMachine;

namespace Vitrine.Tests.Software.Translator;

/// <summary>
/// Code in the last page below and the first page above the addresses that aren't canonical. A near branch to one of these is #GP(0) at the branch, before
/// anything is pushed (SDM vol. 2, JMP, CALL, Jcc); running into them is #GP(0) at the first of them.
/// </summary>
public abstract class EdgeOfAddressesTests(SoftwareEngine engine, bool lockstep = false)
{
    private const ulong LowEnd = 0x0000_8000_0000_0000;
    private const ulong HighStart = 0xFFFF_8000_0000_0000;
    private const ulong Frame = 0x20_0000;
    private const ulong Stack = M.UserStack - 0x100;

    public sealed class Interpreted() : EdgeOfAddressesTests(SoftwareEngine.Interpreter);

    public sealed class Translated() : EdgeOfAddressesTests(SoftwareEngine.Translator);

    public sealed class Lockstep() : EdgeOfAddressesTests(SoftwareEngine.Translator, lockstep: true);

    [Theory]
    [InlineData(LowEnd - 0x20, new byte[] { 0xEB, 0x40 }, 0)] // jmp short
    [InlineData(LowEnd - 0x20, new byte[] { 0x90, 0xE9, 0, 0x10, 0, 0 }, 1)] // nop; jmp near
    [InlineData(LowEnd - 0x20, new byte[] { 0xE9, 0xF0, 0xFF, 0xFF, 0x7F }, 0)] // jmp near, as far as it goes
    [InlineData(LowEnd - 0x20, new byte[] { 0x31, 0xC0, 0x74, 0x40 }, 2)] // xor eax,eax; jz short
    [InlineData(LowEnd - 0x20, new byte[] { 0x31, 0xC0, 0x0F, 0x84, 0, 0x10, 0, 0 }, 2)] // xor eax,eax; jz near
    [InlineData(LowEnd - 0x20, new byte[] { 0xE8, 0, 0x10, 0, 0 }, 0)] // call near
    [InlineData(LowEnd - 0x20, new byte[] { 0xE2, 0x40 }, 0)] // loop
    [InlineData(LowEnd - 2, new byte[] { 0x90, 0x90 }, 2)] // nop; nop
    [InlineData(LowEnd - 2, new byte[] { 0x31, 0xC0 }, 2)] // xor eax,eax
    [InlineData(HighStart, new byte[] { 0xEB, 0xF0 }, 0)] // jmp short, back
    [InlineData(HighStart, new byte[] { 0x90, 0xE9, 0, 0, 0, 0xFF }, 1)] // nop; jmp near, back
    [InlineData(HighStart, new byte[] { 0xE8, 0, 0, 0, 0xFF }, 0)] // call near, back
    public void LeavingTheCanonicalAddressesFaults(ulong start, byte[] code, int faultAt)
    {
        using M m = new(engine: engine, lockstep: lockstep);
        m.Map(start & ~0xFFFUL, Frame, M.P | M.W | M.U);
        m.Write(Frame + (start & 0xFFF), code);
        m[Gpr.Rcx] = 5;
        m[Gpr.Rdx] = start;
        Assert.Equal("#13(0)", m.User().Run(a =>
        {
            // A return is the branch before it: nothing of it may be taken for part of the one that faults.
            a.mov(esp, (uint)Stack);
            a.push(rdx);
            a.ret();
        }));
        Assert.Equal(start + (ulong)faultAt, m.State.Rip);
        Assert.Equal(Stack, m[Gpr.Rsp]);
        Assert.Equal(5UL, m[Gpr.Rcx]);
    }

    [Theory]
    [InlineData(0x10_0000_0FE0UL, new byte[] { 0xE9, 0xF0, 0xFF, 0xFF, 0x7F }, 0x10_0000_0FE0UL + 5 + 0x7FFF_FFF0)]
    [InlineData(0x10_0000_0FE0UL, new byte[] { 0x31, 0xC0, 0x0F, 0x84, 0xF0, 0xFF, 0xFF, 0x7F }, 0x10_0000_0FE0UL + 8 + 0x7FFF_FFF0)]
    [InlineData(0x10_0000_0000UL, new byte[] { 0xE9, 0, 0, 0, 0x80 }, 0x10_0000_0000UL + 5 - 0x8000_0000)]
    public void ABranchReachesAsFarAsItsDistanceSays(ulong start, byte[] code, ulong target)
    {
        const byte Hlt = 0xF4;
        using M m = new(engine: engine, lockstep: lockstep);
        m.Map(start & ~0xFFFUL, Frame, M.P | M.W | M.U);
        m.Map(target & ~0xFFFUL, Frame + 0x1000, M.P | M.W | M.U);
        m.Write(Frame + (start & 0xFFF), code);
        m.Write(Frame + 0x1000 + (target & 0xFFF), Hlt);
        m[Gpr.Rdx] = start;
        Assert.Equal("ok", m.User().Run(a => a.jmp(rdx)));
        Assert.Equal(target, m.State.Rip);
    }
}

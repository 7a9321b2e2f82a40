using Iced.Intel;
using Vitrine.Accelerators.Mmu;
using Vitrine.Accelerators.Software;
using Vitrine.X86.Cpuid;
using Vitrine.X86.Registers;
using Vitrine.X86.State;
using Xunit;
using static Iced.Intel.AssemblerRegisters;
using M = Vitrine.Tests.Software.Mmu.PagedMachine;

namespace Vitrine.Tests.Software.Mmu;

/// <summary>
/// Linear-address masking as a running guest sees it (SDM vol. 3, 4.4 "Linear-Address Masking"): which bits of a pointer are metadata, for which
/// accesses, and that what is cached for a pointer follows its page.
/// </summary>
public abstract class LinearAddressMaskingTests(MmuMode mmu, SoftwareEngine engine, bool lockstep = false)
{
    public sealed class Shadow() : LinearAddressMaskingTests(MmuMode.Shadow, SoftwareEngine.Interpreter);

    public sealed class TwoDimensional() : LinearAddressMaskingTests(MmuMode.TwoDimensional, SoftwareEngine.Interpreter);

    public sealed class Translated() : LinearAddressMaskingTests(MmuMode.Shadow, SoftwareEngine.Translator);

    public sealed class TranslatedTwoDimensional() : LinearAddressMaskingTests(MmuMode.TwoDimensional, SoftwareEngine.Translator);

    public sealed class Lockstep() : LinearAddressMaskingTests(MmuMode.Shadow, SoftwareEngine.Translator, lockstep: true);

    private const ulong Low = 0x20_0000;
    private const ulong High = 0xFFFF_8000_0020_0000;
    private const ulong Frame1 = 0x40_0000;
    private const ulong Frame2 = 0x80_0000;
    private const ulong Data = 0x1234_5678;
    private const ulong U48 = Cr3.LAM_U48;
    private const ulong U57 = Cr3.LAM_U57;
    private const ulong Sup = Cr4.LAM_SUP;
    private const string Allowed = "ok";
    private const string Refused = "#13(0)";

    [Theory]
    // CR3, CR4, pointer -> outcome
    [InlineData(0UL, 0UL, Low, Allowed)]
    [InlineData(0UL, 0UL, Low | (1UL << 57), Refused)]
    [InlineData(0UL, 0UL, High ^ (1UL << 57), Refused)]
    [InlineData(0UL, Sup, Low | (1UL << 57), Refused)]
    [InlineData(U48, 0UL, Low | (1UL << 48), Allowed)]
    [InlineData(U48, 0UL, Low | (0x7FFFUL << 48), Allowed)]
    [InlineData(U48, 0UL, Low | (1UL << 47), Refused)]
    [InlineData(U48, 0UL, Low | (1UL << 63), Refused)]
    [InlineData(U48, 0UL, High ^ (1UL << 57), Refused)] // bit 63 tells which pointer it is
    [InlineData(U57, 0UL, Low | (1UL << 57), Allowed)]
    [InlineData(U57, 0UL, Low | (0x3FUL << 57), Allowed)]
    [InlineData(U57, 0UL, Low | (1UL << 56), Refused)]
    [InlineData(U57, 0UL, Low | (1UL << 48), Refused)]
    [InlineData(U57 | U48, 0UL, Low | (1UL << 62), Allowed)]
    [InlineData(U57 | U48, 0UL, Low | (1UL << 50), Refused)] // LAM_U57 decides
    [InlineData(0UL, Sup, High ^ (1UL << 48), Allowed)]
    [InlineData(0UL, Sup, High & ~(0x7FFFUL << 48), Allowed)]
    [InlineData(0UL, Sup, High & ~(1UL << 47), Refused)]
    [InlineData(U48, Sup, High ^ (5UL << 48), Allowed)]
    [InlineData(U48, Sup, High, Allowed)]
    public void WhichBitsAreMetadata(ulong cr3, ulong cr4, ulong pointer, string expected)
    {
        using M m = Machine(0, cr3, cr4);
        m[Gpr.Rbx] = pointer;
        Assert.Equal(expected, m.Run(a => Often(a, () => a.mov(rax, __qword_ptr[rbx]))));
        if (expected == Allowed) Assert.Equal(Data, m[Gpr.Rax]);
    }

    [Theory]
    [InlineData("read", Allowed)]
    [InlineData("write", Allowed)]
    [InlineData("rmw", Allowed)]
    [InlineData("lock", Allowed)]
    [InlineData("vector", Allowed)]
    [InlineData("crossing", Allowed)]
    [InlineData("string", Allowed)]
    [InlineData("stack", Allowed)]
    [InlineData("segment", Allowed)]
    [InlineData("branch through memory", Allowed)]
    [InlineData("branch", Refused)]
    [InlineData("base", Refused)]
    public void WhichAccessesAreMasked(string access, string expected)
    {
        foreach (int cpl in (ReadOnlySpan<int>)[0, 3])
        {
            using M m = Machine(cpl, U48, Cr4.FSGSBASE);
            m[Gpr.Rbx] = Low | (0x2AAAUL << 48);
            m[Gpr.Rsi] = m[Gpr.Rdi] = m[Gpr.Rbx];
            m[Gpr.Rbp] = m[Gpr.Rsp];
            Assert.Equal(expected, m.Run(a =>
            {
                Label target = a.CreateLabel();
                switch (access)
                {
                    case "read": Often(a, () => a.mov(rax, __qword_ptr[rbx])); break;
                    case "write": Often(a, () => a.mov(__qword_ptr[rbx + 64], rsi)); break;
                    case "rmw": Often(a, () => a.add(__qword_ptr[rbx + 64], 1)); break;
                    case "lock": Often(a, () => a.@lock.xadd(__qword_ptr[rbx + 64], rax)); break;
                    case "vector": Often(a, () => a.movups(xmm0, __xmmword_ptr[rbx])); break;
                    case "crossing": Often(a, () => a.mov(__qword_ptr[rbx + 0xFFD], rsi)); break;
                    case "string":
                        a.mov(ecx, 16);
                        a.add(rdi, 64);
                        a.rep.movsq();
                        break;
                    case "stack":
                        a.lea(rsp, __[rbx + 0x800]);
                        Often(a, () =>
                        {
                            a.push(rax);
                            a.pop(rcx);
                        });
                        a.mov(rsp, rbp);
                        break;
                    case "segment":
                        a.mov(eax, 0x100);
                        a.wrfsbase(rax);
                        Often(a, () => a.mov(rax, __qword_ptr.fs[rbx]));
                        break;
                    case "branch through memory":
                        a.lea(rax, __[target]);
                        a.mov(__qword_ptr[rbx + 64], rax);
                        a.jmp(__qword_ptr[rbx + 64]);
                        break;
                    case "base": a.wrfsbase(rbx); break;
                    default: a.jmp(rbx); break;
                }

                a.Label(ref target);
                a.nop();
            }));
            if (access == "write") Assert.Equal(m[Gpr.Rsi], m.Read(Frame1 + 64, 8));
        }
    }

    /// <summary>The page fault's address has no metadata, and neither has the page whose bits are set.</summary>
    [Fact]
    public void Cr2HasNoMetadata()
    {
        using M m = Machine(3, U57, 0);
        m[Gpr.Rbx] = (Low + 0x5000) | (0x15UL << 57);
        Assert.Equal("#14(6)", m.Run(a => a.mov(__dword_ptr[rbx + 0x123], eax)));
        Assert.Equal(Low + 0x5123, m.State.Cr2);
    }

    [Theory]
    [InlineData("invlpg", Frame2)]
    [InlineData("cr3", Frame2)]
    [InlineData("invpcid", Frame2)]
    public void WhatIsCachedForAPointerFollowsItsPage(string how, ulong frame)
    {
        using M m = Machine(0, U48, 0);
        m.Store(Frame2, 2, 8);
        ulong entry = m.Entry(Low);
        m.Map(entry & ~0xFFFUL, entry & ~0xFFFUL, M.P | M.W);
        m[Gpr.Rbx] = Low | (0x7ACEUL << 48);
        Assert.Equal(Allowed, m.Run(a =>
        {
            Often(a, () => a.mov(rax, __qword_ptr[rbx]));
            a.mov(rdi, frame | M.P | M.W | M.U);
            a.mov(__qword_ptr[entry], rdi);
            switch (how)
            {
                case "invlpg": a.invlpg(__byte_ptr[Low]); break;
                case "cr3":
                    a.mov(rdi, cr3);
                    a.mov(cr3, rdi);
                    break;
                default:
                    a.mov(edi, 0xA000);
                    a.mov(__qword_ptr[rdi], 0);
                    a.mov(__qword_ptr[rdi + 8], (int)Low);
                    a.xor(esi, esi);
                    a.invpcid(rsi, __xmmword_ptr[rdi]);
                    break;
            }

            a.mov(rax, __qword_ptr[rbx]);
        }));
        Assert.Equal(2UL, m[Gpr.Rax]);
    }

    /// <summary>Once masking is off, or for an address space that has none, nothing is left of what was cached with it.</summary>
    [Theory]
    [InlineData("cr3", 0UL, Low | (1UL << 57))]
    [InlineData("cr3 and back", 0UL, Low | (1UL << 57))]
    [InlineData("cr3, kept", Cr4.PCIDE, Low | (1UL << 57))]
    [InlineData("cr4", 0UL, High ^ (1UL << 57))]
    public void MaskingEndsAtOnce(string how, ulong cr4, ulong pointer)
    {
        using M m = Machine(0, U57, Sup | cr4);
        m[Gpr.Rbx] = pointer;
        Assert.Equal(how == "cr3 and back" ? Allowed : Refused, m.Run(a =>
        {
            Often(a, () => a.mov(rax, __qword_ptr[rbx]));
            if (how == "cr4")
            {
                a.mov(rdi, AssemblerRegisters.cr4);
                a.btr(rdi, 28);
                a.mov(AssemblerRegisters.cr4, rdi);
            }
            else
            {
                a.mov(rdi, M.Tables | (how == "cr3, kept" ? 1UL << 63 : 0));
                a.mov(cr3, rdi);
            }

            if (how == "cr3 and back")
            {
                a.mov(rdi, M.Tables | U57);
                a.mov(cr3, rdi);
            }

            a.mov(rax, __qword_ptr[rbx]);
        }));
    }

    private static void Often(Assembler a, Action emit)
    {
        Label loop = a.CreateLabel();
        a.mov(r8d, 50);
        a.Label(ref loop);
        emit();
        a.dec(r8d);
        a.jne(loop);
    }

    private M Machine(int cpl, ulong cr3, ulong cr4)
    {
        M m = new(model: CpuModels.Max, mmu: mmu, engine: engine, lockstep: lockstep);
        for (ulong offset = 0; offset < 0x2000; offset += 0x1000)
        {
            m.Map(Low + offset, Frame1 + offset, M.P | M.W | M.U);
            m.Map(High + offset, Frame1 + offset, M.P | M.W);
        }

        m.Store(Frame1, Data, 8);
        if (cpl == 3) m.User();
        m.State.Cr3 |= cr3;
        m.State.Cr4 |= cr4;
        return m;
    }
}

using Iced.Intel;
using Vitrine.Accelerators.Software;
using Vitrine.Accelerators.Software.Translator.Analysis;
using Vitrine.X86.State;
using Xunit;
using static Iced.Intel.AssemblerRegisters;
using static Vitrine.Tests.Software.Translator.SharedCheckGuest;
using M = Vitrine.Tests.Software.Mmu.PagedMachine;

namespace Vitrine.Tests.Software.Translator;

/// <summary>
/// Accesses near each other with the same registers, which translated code checks together, at the places where one of them is not like the other:
/// at a page's end, where the next page is absent, read-only, holds code or is mapped elsewhere meanwhile.
/// </summary>
public abstract class SharedCheckTests(SoftwareEngine engine)
{
    public sealed class Interpreted() : SharedCheckTests(SoftwareEngine.Interpreter);

    public sealed class Translated() : SharedCheckTests(SoftwareEngine.Translator);

    // Where a structure of 32 bytes begins, from the end of the first page; the second page is absent.
    [Theory]
    [InlineData(-64, "ok", 0UL)]
    [InlineData(-32, "ok", 0UL)]
    [InlineData(-31, "#14(2)", Second)]
    [InlineData(-24, "#14(2)", Second)]
    [InlineData(-20, "#14(2)", Second)]
    [InlineData(-8, "#14(2)", Second)]
    [InlineData(-4, "#14(2)", Second)]
    public void StoresToAStructureAtAPagesEnd(int place, string expected, ulong address)
    {
        using M m = SharedCheckGuest.Machine(engine);
        m.Map(Second, 0, 0);
        RunResult end = Twenty(m, a =>
        {
            a.mov(__qword_ptr[rbx], rax);
            a.mov(__qword_ptr[rbx + 8], rax);
            a.mov(__qword_ptr[rbx + 16], rax);
            a.mov(__qword_ptr[rbx + 24], rax);
        }, Second + (ulong)(long)place);
        Assert.Equal(expected, end);
        if (address != 0) Assert.Equal(address, m.State.Cr2);

        // What comes before the store that faults is done, and nothing behind it.
        for (int i = 0; i < 4; i++)
        {
            ulong store = Second + (ulong)(long)(place + (i * 8));
            if (store + 8 <= Second) Assert.Equal(Pattern, m.Read(store, 8));
            else if (store < Second) Assert.Equal(0UL, m.Read(store, (int)(Second - store)));
        }
    }

    [Fact]
    public void AFaultOfALaterAccessHasItsOwnAddressAndInstruction()
    {
        using M m = SharedCheckGuest.Machine(engine);
        m.Map(First, 0, 0);
        RunResult end = Twenty(m, a =>
        {
            Label loads = a.CreateLabel();
            a.lea(rdi, __qword_ptr[loads]);
            a.Label(ref loads);
            a.mov(rcx, __qword_ptr[rbx + 24]);
            a.mov(rdx, __qword_ptr[rbx + 8]);
        }, First + 0x100);
        Assert.Equal("#14(0)", end);
        Assert.Equal(First + 0x118, m.State.Cr2);
        Assert.Equal(m[Gpr.Rdi], m.State.Rip);
    }

    [Fact]
    public void AWriteBehindAReadOfAReadOnlyPageFaults()
    {
        using M m = SharedCheckGuest.Machine(engine);
        m.Map(First, First, M.P | M.A);
        RunResult end = Twenty(m, a =>
        {
            Label store = a.CreateLabel();
            a.mov(rcx, __qword_ptr[rbx + 8]);
            a.lea(rdi, __qword_ptr[store]);
            a.Label(ref store);
            a.mov(__qword_ptr[rbx + 16], rax);
            a.mov(__qword_ptr[rbx + 24], rax);
        }, First + 0x100);
        Assert.Equal("#14(3)", end);
        Assert.Equal(First + 0x110, m.State.Cr2);
        Assert.Equal(m[Gpr.Rdi], m.State.Rip);
        Assert.Equal(0UL, m.Read(First + 0x118, 8));
    }

    [Theory]
    [InlineData(0x100)]
    [InlineData(0xFE8)]
    public void APageThatIsMappedElsewhereBetweenTwoAccesses(int place)
    {
        using M m = SharedCheckGuest.Machine(engine);
        m.Store(First + (ulong)place, 1, 8);
        m.Store(First + (ulong)place + 8, 2, 8);
        m.Store(Elsewhere + (ulong)place, 3, 8);
        m.Store(Elsewhere + (ulong)place + 8, 4, 8);
        ulong entry = m.Entry(First);
        m.Map(0x20_0000, entry & ~0xFFFUL, M.P | M.W | M.A | M.D);
        m[12] = 0x20_0000 + (entry & 0xFFF);
        m[13] = Elsewhere | M.P | M.W | M.A | M.D;
        m[15] = First | M.P | M.W | M.A | M.D;
        Assert.Equal("ok", Twenty(m, a =>
        {
            a.mov(__qword_ptr[r12], r15);
            a.invlpg(__byte_ptr[rbx]);
            a.mov(rcx, __qword_ptr[rbx]);
            a.mov(__qword_ptr[r12], r13);
            a.invlpg(__byte_ptr[rbx]);
            a.mov(rdx, __qword_ptr[rbx + 8]);
            a.mov(rsi, __qword_ptr[rbx]);
        }, First + (ulong)place));
        Assert.Equal((1UL, 4UL, 3UL), (m[Gpr.Rcx], m[Gpr.Rdx], m[Gpr.Rsi]));
    }

    [Fact]
    public void APushWithARegisterThatMovedMeanwhile()
    {
        using M m = SharedCheckGuest.Machine(engine);
        Assert.Equal("ok", Twenty(m, a =>
        {
            a.mov(rbp, rsp);
            a.mov(rsp, rbx);
            a.push(rax);
            a.push(rbx);
            a.sub(rsp, 16);
            a.mov(__qword_ptr[rsp + 8], rax);
            a.lea(rsp, __qword_ptr[rsp - 8]);
            a.pop(rcx);
            a.mov(rcx, __qword_ptr[rsp + 8]);
            a.mov(rdx, __qword_ptr[rsp + 16]);
            a.mov(rsp, __qword_ptr[rsp + 24]);
            a.mov(rsi, rsp);
            a.mov(rsp, rbp);
        }, Second + 16));
        Assert.Equal(Pattern, m[Gpr.Rcx]);
        Assert.Equal(Second + 16, m[Gpr.Rdx]);
        Assert.Equal(Pattern, m[Gpr.Rsi]);
    }

    [Fact]
    public void AnAlignedAccessBehindOneThatNeedNotBe()
    {
        using M m = SharedCheckGuest.Machine(engine);
        RunResult end = Twenty(m, a =>
        {
            Label aligned = a.CreateLabel();
            a.mov(rcx, __qword_ptr[rbx + 8]);
            a.lea(rdi, __qword_ptr[aligned]);
            a.Label(ref aligned);
            a.movaps(xmm1, __xmmword_ptr[rbx + 16]);
        }, First + 8);
        Assert.Equal("#13(0)", end);
        Assert.Equal(m[Gpr.Rdi], m.State.Rip);
    }

    [Fact]
    public void AnAddressRelativeToRipBehindOneOfX87()
    {
        using M m = SharedCheckGuest.Machine(engine);
        m.Store(First + 0x20, 0x4000_0000_0000_0000, 8); // 2.0
        Assert.Equal("ok", Twenty(m, a =>
        {
            a.AddInstruction(Instruction.Create(Code.Fld_m64fp, new MemoryOperand(Register.RIP, (long)First + 0x20, 8)));
            a.fstp(st0);
            a.AddInstruction(Instruction.Create(Code.Add_rm32_imm8, new MemoryOperand(Register.RIP, (long)First + 0x24, 8), 1));
        }, First));
        Assert.Equal(0x4000_0014_0000_0000UL, m.Read(First + 0x20, 8));
    }

    /// <summary>The slots of code go by registers: none that an instruction writes may be missed.</summary>
    [Fact]
    public void EveryRegisterThatIsWrittenIsKnown()
    {
        InstructionInfoFactory factory = new();
        Random random = new(7);
        byte[] bytes = new byte[15];
        HashSet<Code> seen = [];
        for (int i = 0; i < 3_000_000; i++)
        {
            random.NextBytes(bytes);
            Decoder decoder = Decoder.Create(64, bytes);
            Instruction instruction = decoder.Decode();
            if (instruction.IsInvalid || !RegisterEffects.AreKnown(in instruction)) continue;
            seen.Add(instruction.Code);
            int known = RegisterEffects.Written(in instruction, is64: true, out int moved);
            int expected = 0;
            foreach (UsedRegister used in factory.GetInfo(instruction).GetUsedRegisters())
            {
                if (used.Access is OpAccess.Write or OpAccess.ReadWrite or OpAccess.CondWrite or OpAccess.ReadCondWrite && used.Register.IsGPR())
                    expected |= 1 << (used.Register.GetFullRegister() - Register.RAX);
            }

            if (moved != 0) expected &= ~(1 << Gpr.Rsp);
            Assert.True((expected & ~known) == 0, $"{instruction}: {expected:x}, known {known:x}");
        }

        Assert.True(seen.Count > 500, $"{seen.Count} codes");
    }
}

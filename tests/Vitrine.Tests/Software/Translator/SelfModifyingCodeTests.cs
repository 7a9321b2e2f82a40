using Iced.Intel;
using Vitrine.Accelerators.Mmu;
using Vitrine.Accelerators.Software;
using Vitrine.X86.Paging;
using Vitrine.X86.State;
using Xunit;
using static Iced.Intel.AssemblerRegisters;
using M = Vitrine.Tests.Software.Mmu.PagedMachine;

namespace Vitrine.Tests.Software.Translator;

/// <summary>
/// Guests that change their own code and notice by themselves when what runs isn't what they have written: they end in UD2 then. A store is seen by
/// the very next instruction (SDM vol. 3, 8.1.3, for the processors since the P6 family). All is done many times over, so that what changes has been
/// linked and found in every cache that there is.
/// </summary>
public abstract class SelfModifyingCodeTests(
    SoftwareEngine engine, MmuMode mmu = MmuMode.Shadow, nuint translationBytes = 0, nuint arenaBytes = 0)
{
    private const uint Rounds = 300;
    private const ulong Elsewhere = 0x20_0000;
    private const ulong Alias = 0x28_0000;
    private const ulong Frame = 0x40_0000;

    public sealed class Interpreted() : SelfModifyingCodeTests(SoftwareEngine.Interpreter);

    public sealed class Translated() : SelfModifyingCodeTests(SoftwareEngine.Translator);

    public sealed class TranslatedWithNestedPaging() : SelfModifyingCodeTests(SoftwareEngine.Translator, MmuMode.Nested);

    // Room for a few blocks: what is written to is thrown away for want of room as well.
    public sealed class TranslatedInSmallCaches() : SelfModifyingCodeTests(SoftwareEngine.Translator, translationBytes: 40 << 10, arenaBytes: 16 << 10);

    /// <summary>Where the instruction is that is written to.</summary>
    public enum Place
    {
        Next,
        BehindBranch,
        Function,
        OtherPage,
        OtherPageThroughAlias,
        OwnPageThroughAlias,
        InTwoPages1,
        InTwoPages2,
        InTwoPages4,
        StackPage,
    }

    public static TheoryData<string, Place> Writes()
    {
        TheoryData<string, Place> data = [];
        foreach (string writer in CodeWriters.Names)
        {
            foreach (Place place in Enum.GetValues<Place>()) data.Add(writer, place);
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(Writes))]
    public void WhatIsWrittenRuns(string writer, Place place)
    {
        using M m = Machine();
        ulong function = place switch
        {
            Place.InTwoPages1 => Elsewhere + 0xFFF,
            Place.InTwoPages2 => Elsewhere + 0xFFE,
            Place.InTwoPages4 => Elsewhere + 0xFFC,
            Place.StackPage => Elsewhere + 0x400,
            _ => Elsewhere,
        };

        // MOV EAX, imm32; RET. The second page of a pair is elsewhere in memory than the linear address tells.
        m.Map(Elsewhere, Frame, M.P | M.W);
        m.Map(Elsewhere + 0x1000, Frame + 0x8000, M.P | M.W);
        m.Map(Alias, place == Place.OwnPageThroughAlias ? M.Code : Frame, M.P | M.W);
        byte[] code = [0xB8, 0, 0, 0, 0, 0xC3];
        for (ulong i = 0; i < 6; i++)
        {
            ulong at = function + i;
            m.Write((at & 0x1000) == 0 ? Frame + (at & 0xFFF) : Frame + 0x8000 + (at & 0xFFF), code[i]);
        }

        Assert.Equal("ok", m.Run(a =>
        {
            Label loop = a.CreateLabel();
            Label patched = a.CreateLabel();
            Label bad = a.CreateLabel();
            Label end = a.CreateLabel();
            bool isOwn = place is Place.Next or Place.BehindBranch or Place.Function or Place.OwnPageThroughAlias;
            if (place == Place.StackPage) a.mov(rsp, Elsewhere + 0x800);
            if (isOwn) a.lea(rcx, __qword_ptr[patched]);
            else a.mov(rcx, place == Place.OtherPageThroughAlias ? Alias : function);
            if (place == Place.OwnPageThroughAlias) a.add(rcx, (int)(Alias - M.Code));
            a.mov(ebx, (uint)function);
            a.mov(ebp, Rounds);
            a.Label(ref loop);
            a.imul(edx, ebp, 0x0123_4567);
            CodeWriters.Write(a, writer);
            switch (place)
            {
                case Place.Next or Place.OwnPageThroughAlias:
                    Patched(a, ref patched);
                    break;
                case Place.BehindBranch:
                    a.test(ebp, ebp);
                    a.jz(bad);
                    a.mov(eax, edx);
                    a.not(eax);
                    Patched(a, ref patched);
                    break;
                case Place.Function:
                    a.call(patched);
                    break;
                default:
                    a.call(rbx);
                    break;
            }

            a.cmp(eax, edx);
            a.jne(bad);
            a.dec(ebp);
            a.jnz(loop);
            a.jmp(end);
            a.Label(ref bad);
            a.ud2();
            if (place == Place.Function)
            {
                Patched(a, ref patched);
                a.ret();
            }

            a.Label(ref end);
            a.nop();
        }));
        Assert.Equal(0UL, m[Gpr.Rbp]);
    }

    [Fact]
    public void DataBesideCodeIsCountedRight()
    {
        // The counter's page holds code, which is written to once in a while.
        using M m = Machine();
        Assert.Equal("ok", m.Run(a =>
        {
            Label loop = a.CreateLabel();
            Label skip = a.CreateLabel();
            Label counter = a.CreateLabel();
            Label patched = a.CreateLabel();
            Label end = a.CreateLabel();
            a.lea(rcx, __qword_ptr[patched]);
            a.xor(edx, edx);
            a.mov(esi, 20_000);
            a.Label(ref loop);
            a.inc(__dword_ptr[counter]);
            a.test(esi, 1023);
            a.jnz(skip);
            a.inc(__dword_ptr[rcx + 2]);
            a.Label(ref skip);
            a.nop();
            a.Label(ref patched);
            a.add(edx, 0x1000);
            a.dec(esi);
            a.jnz(loop);
            a.jmp(end);
            a.Label(ref counter);
            a.dd(0);
            a.Label(ref end);
            a.mov(eax, __dword_ptr[counter]);
        }));
        Assert.Equal(20_000UL, m[Gpr.Rax]);

        // 1000h at first; the 544 rounds before ESI is 19456 see that, each 1024 rounds after it one more.
        uint expected = 0;
        uint immediate = 0x1000;
        for (int i = 20_000; i > 0; i--)
        {
            if ((i & 1023) == 0) immediate++;
            expected += immediate;
        }

        Assert.Equal(expected, (uint)m[Gpr.Rdx]);
    }

    [Fact]
    public void ABlockRewritesItsOwnStart()
    {
        // The loop's first instruction is written by its last: the block is entered by a branch of its own.
        using M m = Machine();
        Assert.Equal("ok", m.Run(a =>
        {
            Label loop = a.CreateLabel();
            a.xor(edx, edx);
            a.mov(esi, 500);
            a.lea(rcx, __qword_ptr[loop]);
            a.Label(ref loop);
            a.mov(eax, 0);
            a.add(edx, eax);
            a.dec(esi);
            a.mov(__dword_ptr[rcx + 1], esi);
            a.jnz(loop);
        }));
        Assert.Equal((ulong)(499 * 500 / 2), m[Gpr.Rdx]);
    }

    [Fact]
    public void AJumpIntoTheMiddleOfAnInstructionFindsWhatIsWrittenThere()
    {
        // MOV EAX, imm32; RET: the immediate is MOV AL, imm8; RET; NOP, whose own immediate is written. Both ways in are used in each round.
        using M m = Machine();
        m.Map(Elsewhere, Frame, M.P | M.W);
        m.Write(Frame, 0xB8, 0xB0, 0, 0xC3, 0x90, 0xC3);
        Assert.Equal("ok", m.Run(a =>
        {
            Label loop = a.CreateLabel();
            Label bad = a.CreateLabel();
            Label end = a.CreateLabel();
            a.mov(ebx, (uint)Elsewhere);
            a.lea(rsi, __[rbx + 1]);
            a.mov(ebp, Rounds);
            a.Label(ref loop);
            a.movzx(edx, bpl);
            a.mov(__byte_ptr[rbx + 2], dl);
            a.xor(eax, eax);
            a.call(rsi);
            a.cmp(eax, edx);
            a.jne(bad);
            a.call(rbx);
            a.shl(edx, 8);
            a.or(edx, unchecked((int)0x90C3_00B0));
            a.cmp(eax, edx);
            a.jne(bad);
            a.dec(ebp);
            a.jnz(loop);
            a.jmp(end);
            a.Label(ref bad);
            a.ud2();
            a.Label(ref end);
            a.nop();
        }));
        Assert.Equal(0UL, m[Gpr.Rbp]);
    }

    [Fact]
    public void ACopyOverRunningCodeReachesTheInstructionsBehindIt()
    {
        // REP MOVSB writes over its own loop, from the next instruction on.
        using M m = Machine();
        Assert.Equal("ok", m.Run(a =>
        {
            Label loop = a.CreateLabel();
            Label target = a.CreateLabel();
            Label source = a.CreateLabel();
            Label end = a.CreateLabel();
            a.xor(edx, edx);
            a.mov(ebp, Rounds);
            a.Label(ref loop);
            a.lea(rsi, __qword_ptr[source]);
            a.lea(rdi, __qword_ptr[target]);
            a.mov(__dword_ptr[rsi + 1], ebp);
            a.mov(ecx, 5);
            a.rep.movsb();
            a.Label(ref target);
            a.mov(eax, 0);
            a.add(edx, eax);
            a.dec(ebp);
            a.jnz(loop);
            a.jmp(end);
            a.Label(ref source);
            a.mov(eax, 0);
            a.Label(ref end);
            a.nop();
        }));
        Assert.Equal((ulong)(Rounds * (Rounds + 1) / 2), m[Gpr.Rdx]);
    }

    [Fact]
    public void AStoreAcrossAPagesEndReachesTheCodeBehindIt()
    {
        // Three bytes of data, then B8 and the immediate.
        using M m = Machine();
        m.Map(Elsewhere, Frame, M.P | M.W);
        m.Map(Elsewhere + 0x1000, Frame + 0x8000, M.P | M.W);
        m.Write(Frame + 0x8000, 0xB8, 0, 0, 0, 0, 0xC3);
        Assert.Equal("ok", m.Run(a =>
        {
            Label loop = a.CreateLabel();
            a.mov(ebx, (uint)Elsewhere + 0x1000);
            a.xor(edx, edx);
            a.mov(ebp, Rounds);
            a.Label(ref loop);
            a.mov(eax, ebp);
            a.shl(rax, 8);
            a.mov(al, 0xB8);
            a.shl(rax, 24);
            a.mov(__qword_ptr[rbx - 3], rax);
            a.call(rbx);
            a.add(edx, eax);
            a.dec(ebp);
            a.jnz(loop);
        }));
        Assert.Equal((ulong)(Rounds * (Rounds + 1) / 2), m[Gpr.Rdx]);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void APageOfCodeThatIsMappedElsewhere(bool byCr3)
    {
        // Two frames in turn under one address.
        using M m = Machine();
        for (ulong page = M.Tables; page < M.Tables + 0x10000; page += 0x1000) m.Map(page, page, M.P | M.W);
        m.Map(Elsewhere, Frame, M.P);
        ulong entry = m.Entry(Elsewhere);
        m.Write(Frame, 0xB8, 1, 0, 0, 0, 0xC3);
        m.Write(Frame + 0x1000, 0xB8, 2, 0, 0, 0, 0xC3);
        Assert.Equal("ok", m.Run(a =>
        {
            Label loop = a.CreateLabel();
            Label bad = a.CreateLabel();
            Label end = a.CreateLabel();
            a.mov(ebx, (uint)Elsewhere);
            a.mov(ebp, Rounds);
            a.mov(edx, 1);
            a.Label(ref loop);
            a.call(rbx);
            a.cmp(eax, edx);
            a.jne(bad);
            a.xor(edx, 3);
            a.xor(__dword_ptr[(int)entry], 0x1000);
            if (byCr3)
            {
                a.mov(rax, cr3);
                a.mov(cr3, rax);
            }
            else
            {
                a.invlpg(__byte_ptr[rbx]);
            }

            a.dec(ebp);
            a.jnz(loop);
            a.jmp(end);
            a.Label(ref bad);
            a.ud2();
            a.Label(ref end);
            a.nop();
        }));
        Assert.Equal(0UL, m[Gpr.Rbp]);
    }

    [Fact]
    public void OneCodeAtThreeAddressesFindsTheDataOfEach()
    {
        // MOV EAX, [RIP + distance to the next page]; ADD EAX, [RSP]; RET: the data page differs, and so does the return address.
        using M m = Machine();
        m.Write(Frame, 0x8B, 0x05, 0x0A, 0x10, 0, 0, 0x03, 0x04, 0x24, 0xC3);
        ulong[] places = [Elsewhere, Alias, 0x7FFF_0000_0000];
        for (int i = 0; i < places.Length; i++)
        {
            m.Map(places[i], Frame, M.P);
            m.Map(places[i] + 0x1000, Frame + 0x1000 + ((ulong)i << 12), M.P | M.W);
            m.Store(Frame + 0x1010 + ((ulong)i << 12), 100 * (ulong)(i + 1), 4);
        }

        Assert.Equal("ok", m.Run(a =>
        {
            Label loop = a.CreateLabel();
            Label bad = a.CreateLabel();
            Label end = a.CreateLabel();
            a.mov(ebp, Rounds);
            a.Label(ref loop);
            for (int i = 0; i < places.Length; i++)
            {
                Label back = a.CreateLabel();
                a.mov(rbx, places[i]);
                a.call(rbx);
                a.Label(ref back);
                a.lea(rdx, __qword_ptr[back]);
                a.sub(eax, edx);
                a.cmp(eax, 100 * (i + 1));
                a.jne(bad);
            }

            a.dec(ebp);
            a.jnz(loop);
            a.jmp(end);
            a.Label(ref bad);
            a.ud2();
            a.Label(ref end);
            a.nop();
        }));
        Assert.Equal(0UL, m[Gpr.Rbp]);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void CodeThatWasOnlyLookedAtIsPatchedIntoOneThatReadsFlags(bool fromAnotherPage)
    {
        // XOR EAX, EAX overwrites the flags at the branch's target. It never runs: before the branch is taken it has become SBB EAX, EAX.
        using M m = Machine();
        m.Map(Elsewhere, Frame, M.P);
        m.Place(Frame, a =>
        {
            a.mov(__byte_ptr[rcx], 0x19);
            a.ret();
        }, rip: Elsewhere);
        Assert.Equal("ok", m.Run(a =>
        {
            Label loop = a.CreateLabel();
            Label target = a.CreateLabel();
            Label end = a.CreateLabel();
            a.lea(rcx, __qword_ptr[target]);
            a.mov(ebx, (uint)Elsewhere);
            a.mov(ebp, Rounds);
            a.Label(ref loop);
            a.cmp(ebp, Rounds / 2);
            a.jb(target);
            a.cmp(ebp, Rounds / 2);
            a.jne(end);
            if (fromAnotherPage) a.call(rbx);
            else a.mov(__byte_ptr[rcx], 0x19);
            a.Label(ref end);
            a.dec(ebp);
            a.jmp(loop);
            a.Label(ref target);
            a.xor(eax, eax);
            a.test(eax, eax);
            a.mov(edx, eax);
        }));
        Assert.Equal(uint.MaxValue, m[Gpr.Rdx]);
    }

    [Fact]
    public void MoreCodeThanTheCacheHolds()
    {
        // 64 pages of calls, three times: each is right whatever was thrown away in between.
        const int Pages = 64;
        const int CallsInPage = 40;
        using M m = Machine();
        for (ulong page = 0; page < Pages; page++)
        {
            m.Map(Elsewhere + (page << 12), Frame + (page << 12), M.P);
            m.Place(Frame + (page << 12), a =>
            {
                Label one = a.CreateLabel();
                Label next = a.CreateLabel();
                for (int i = 0; i < CallsInPage; i++) a.call(one);
                if (page + 1 < Pages) a.jmp(Elsewhere + ((page + 1) << 12));
                a.ret();
                a.Label(ref one);
                a.add(eax, (int)page);
                a.Label(ref next);
                a.ret();
            }, rip: Elsewhere + (page << 12));
        }

        Assert.Equal("ok", m.Run(a =>
        {
            Label loop = a.CreateLabel();
            a.mov(ebx, (uint)Elsewhere);
            a.xor(eax, eax);
            a.mov(ebp, 3);
            a.Label(ref loop);
            a.call(rbx);
            a.dec(ebp);
            a.jnz(loop);
        }));
        Assert.Equal(3UL * CallsInPage * (Pages * (Pages - 1) / 2), m[Gpr.Rax]);
        if (translationBytes != 0) Assert.True(m.Vcpu.Translations!.Flushes > 3, "the cache was never full");
    }

    [Fact]
    public void FlatThirtyTwoBitCodeIsWrittenToo()
    {
        using M m = new(PagingMode.Bits32, bits: 32, mmu: mmu, engine: engine, translationBytes: translationBytes, arenaBytes: arenaBytes);
        m.Map(Elsewhere, Frame, M.P | M.W);
        m.Write(Frame, 0xB8, 0, 0, 0, 0, 0xC3);
        Assert.Equal("ok", m.Run(a =>
        {
            Label loop = a.CreateLabel();
            Label here = a.CreateLabel();
            Label bad = a.CreateLabel();
            Label end = a.CreateLabel();
            a.mov(ebx, (uint)Elsewhere);
            a.mov(ebp, Rounds);
            a.Label(ref loop);
            a.imul(edx, ebp, 0x0123_4567);
            a.call(here);
            a.Label(ref here);
            a.pop(ecx);

            // POP and MOV are four bytes, then comes B8.
            a.mov(__dword_ptr[ecx + 5], edx);
            a.mov(eax, 0x1111_1111);
            a.cmp(eax, edx);
            a.jne(bad);
            a.mov(__dword_ptr[ebx + 1], ebp);
            a.call(ebx);
            a.cmp(eax, ebp);
            a.jne(bad);
            a.dec(ebp);
            a.jnz(loop);
            a.jmp(end);
            a.Label(ref bad);
            a.ud2();
            a.Label(ref end);
            a.nop();
        }));
        Assert.Equal(0UL, m[Gpr.Rbp]);
    }

    [Fact]
    public void NoMemoryIsWritableAndExecutableAtOnce()
    {
        using M m = Machine();
        Assert.Equal("ok", m.Run(a => a.mov(eax, 1)));
        if (engine == SoftwareEngine.Interpreter) return;
        string[] maps = [.. File.ReadAllLines("/proc/self/maps").Where(line => line.Contains("vitrine-code", StringComparison.Ordinal))];
        string[] rights = [.. maps.Select(line => line.Split(' ')[1])];
        Assert.Contains(rights, right => right.StartsWith("r-x", StringComparison.Ordinal));
        Assert.Contains(rights, right => right.StartsWith("rw-", StringComparison.Ordinal));
        Assert.DoesNotContain(rights, right => right.StartsWith("rwx", StringComparison.Ordinal));
    }

    private static void Patched(Assembler a, ref Label patched)
    {
        a.Label(ref patched);
        a.mov(eax, 0x1111_1111);
    }

    private M Machine() => new(mmu: mmu, engine: engine, translationBytes: translationBytes, arenaBytes: arenaBytes);
}

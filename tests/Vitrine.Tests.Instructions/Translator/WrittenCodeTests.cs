using Iced.Intel;
using Vitrine.X86.State;
using Xunit;
using static Iced.Intel.AssemblerRegisters;
using M = Vitrine.Tests.Software.Mmu.PagedMachine;

namespace Vitrine.Tests.Software.Translator;

/// <summary>
/// Guests that write to code, in each way and at each place, and notice by themselves when what runs isn't what they have written: they end in UD2 then. A store is seen
/// by the very next instruction (SDM vol. 3, 8.1.3, for the processors since the P6 family). All is done many times over, so that what changes has been
/// linked and found in every cache that there is.
/// </summary>
public abstract class WrittenCodeTests(CodeSetting setting)
{
    private const uint Rounds = 300;
    private const ulong Elsewhere = 0x20_0000;
    private const ulong Alias = 0x28_0000;
    private const ulong Frame = 0x40_0000;

    public sealed class Interpreted() : WrittenCodeTests(CodeSetting.Interpreter);

    public sealed class Translated() : WrittenCodeTests(CodeSetting.Translator);

    public sealed class TranslatedTwoDimensional() : WrittenCodeTests(CodeSetting.TranslatorTwoDimensional);

    public sealed class TranslatedInSmallCaches() : WrittenCodeTests(CodeSetting.TranslatorInSmallCaches);

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
        using M m = setting.Machine();
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

    private static void Patched(Assembler a, ref Label patched)
    {
        a.Label(ref patched);
        a.mov(eax, 0x1111_1111);
    }
}

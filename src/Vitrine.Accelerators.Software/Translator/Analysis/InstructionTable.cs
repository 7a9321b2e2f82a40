using Iced.Intel;
using static Iced.Intel.Mnemonic;
using static Vitrine.Accelerators.Software.Translator.Analysis.InstructionTraits;
using C = Iced.Intel.Code;
using K = Vitrine.Accelerators.Software.Translator.InstructionKind;

namespace Vitrine.Accelerators.Software.Translator.Analysis;

/// <summary>
/// How guest instructions are translated, from special to general: a form, else a mnemonic, else a register file. What is nowhere named
/// here is interpreted. The kind says who emits it, see <see cref="BlockWriter"/>.
/// </summary>
internal static class InstructionTable
{
    // Forms that are translated in another way than their mnemonics, or alone of theirs.
    private static readonly Form[] s_forms =
    [
        new(K.AbsoluteMove,      C.Mov_AL_moffs8, C.Mov_AX_moffs16, C.Mov_EAX_moffs32, C.Mov_RAX_moffs64),
        new(K.AbsoluteMove,      C.Mov_moffs8_AL, C.Mov_moffs16_AX, C.Mov_moffs32_EAX, C.Mov_moffs64_RAX),
        new(K.ReadSegment,       C.Mov_r32m16_Sreg, C.Mov_r64m16_Sreg),
        new(K.ShortIncrement,    C.Inc_r16, C.Inc_r32, C.Dec_r16, C.Dec_r32),
        new(K.Lea,               C.Lea_r32_m, C.Lea_r64_m),
        new(K.Push,              C.Push_r32, C.Push_r64, C.Push_rm32, C.Push_rm64),
        new(K.Push,              C.Pushd_imm8, C.Pushd_imm32, C.Pushq_imm8, C.Pushq_imm32),
        new(K.Pop,               C.Pop_r32, C.Pop_r64),
        new(K.Leave,             C.Leaved, C.Leaveq),
        new(K.Jump,              C.Jmp_rel8_32, C.Jmp_rel8_64, C.Jmp_rel32_32, C.Jmp_rel32_64),
        new(K.IndirectJump,      C.Jmp_rm32, C.Jmp_rm64),
        new(K.Call,              C.Call_rel32_32, C.Call_rel32_64),
        new(K.IndirectCall,      C.Call_rm32, C.Call_rm64),
        new(K.Return,            C.Retnd, C.Retnq, C.Retnd_imm16, C.Retnq_imm16),
        new(K.MoveString,        C.Movsb_m8_m8, C.Movsw_m16_m16, C.Movsd_m32_m32, C.Movsq_m64_m64),
        new(K.StoreString,       C.Stosb_m8_AL, C.Stosw_m16_AX, C.Stosd_m32_EAX, C.Stosq_m64_RAX),

        // MOVSXD to 16 bits reads 32 on some processors, which may be beyond what was checked.
        new(K.Interpreted,       C.Movsxd_r16_rm16),
        new(K.Interpreted,       C.Bswap_r16, C.Cmpxchg486_rm8_r8, C.Cmpxchg486_rm16_r16, C.Cmpxchg486_rm32_r32),
    ];

    private static readonly Row[] s_rows =
    [
        //  kind                 traits                      mnemonics
        new(K.Copied,            OnlyWrites,                 Mov, Movzx, Movsx, Movsxd, Popcnt),
        new(K.Copied,            None,                       Movbe, Movnti, Bswap, Crc32, Lzcnt, Tzcnt),
        new(K.Copied,            WritesSecond,               Xchg, Xadd),
        new(K.Copied,            None,                       Cmpxchg, Cmpxchg8b, Cmpxchg16b),
        new(K.Copied,            None,                       Add, Adc, Sub, Sbb, And, Or, Xor, Inc, Dec, Neg, Not, Imul),
        new(K.Copied,            ReadsFirst,                 Cmp, Test, Mul),
        new(K.Copied,            MayKeepFlags,               Shl, Sal, Shr, Sar, Rol, Ror, Rcl, Rcr, Shld, Shrd),
        new(K.Copied,            AddressesBits,              Bts, Btr, Btc),
        new(K.Copied,            AddressesBits | ReadsFirst, Bt),
        new(K.Copied,            DropsRepeat,                Bsf, Bsr),
        new(K.Copied,            None,                       Cbw, Cwde, Cdqe, Cwd, Cdq, Cqo, Clc, Stc, Cmc, Lahf, Sahf),
        new(K.Copied,            None,                       Pause, Lfence, Mfence, Sfence),
        new(K.Copied,            None,                       Adcx, Adox, Andn, Bextr, Blsi, Blsmsk, Blsr, Bzhi),
        new(K.Copied,            None,                       Pdep, Pext, Rorx, Sarx, Shlx, Shrx),
        new(K.Copied,            None,                       Seta, Setae, Setb, Setbe, Sete, Setne, Setg, Setge, Setl, Setle),
        new(K.Copied,            None,                       Seto, Setno, Sets, Setns, Setp, Setnp),
        new(K.Copied,            None,                       Cmova, Cmovae, Cmovb, Cmovbe, Cmove, Cmovne, Cmovg, Cmovge, Cmovl, Cmovle),
        new(K.Copied,            None,                       Cmovo, Cmovno, Cmovs, Cmovns, Cmovp, Cmovnp),
        new(K.Divide,            ReadsFirst,                 Div),
        new(K.SignedDivide,      ReadsFirst,                 Idiv),
        new(K.ConditionalJump,   NoWord,                     Ja, Jae, Jb, Jbe, Je, Jne, Jg, Jge, Jl, Jle, Jo, Jno, Js, Jns, Jp, Jnp),
        new(K.Nothing,           ReadsFirst,                 Nop),
        new(K.Nothing,           None,                       Reservednop, Prefetch, Prefetchw, Prefetchnta),
        new(K.Nothing,           None,                       Prefetcht0, Prefetcht1, Prefetcht2),
        new(K.PushFlags,         None,                       Pushfq),
        new(K.ClearInterrupts,   None,                       Cli),
        new(K.SetInterrupts,     None,                       Sti),
        new(K.SwapGs,            None,                       Swapgs),

        // Vector instructions: copied, if they are not named here.
        new(K.Copied,            IsVector,                   Vzeroupper, Vzeroall, Stmxcsr, Vstmxcsr),
        new(K.Copied,            IsVector | ReadsFirst,      Ldmxcsr, Vldmxcsr),
        new(K.Copied,            IsUnaligned,                Movups, Movupd, Movdqu, Lddqu, Pcmpestri, Pcmpestrm, Pcmpistri, Pcmpistrm),
        new(K.Copied,            NeedsAlignment,             Vmovaps, Vmovapd, Vmovdqa, Vmovntps, Vmovntpd, Vmovntdq, Vmovntdqa),
        new(K.Interpreted,       None,                       Maskmovdqu, Vmaskmovdqu, Vmaskmovps, Vmaskmovpd, Vpmaskmovd, Vpmaskmovq),

        // x87 and MMX: copied, if they are not named here. FSTPNCE is undocumented, and processors don't agree on it.
        new(K.Copied,            StoresX87,                  Fst, Fstp, Fist, Fistp, Fisttp, Fbstp),
        new(K.Copied,            IsX87Control | StoresX87,   Fnstcw, Fnstsw),
        new(K.Copied,            IsX87Control,               Fldcw, Fnclex),
        new(K.Copied,            IsMmx,                      Emms),
        new(K.Interpreted,       None,                       Fldenv, Fnstenv, Fnsave, Frstor, Fninit, Fstpnce, Maskmovq),
    ];

    /// <summary>Where a form is named by its code, what is done with it.</summary>
    public static bool TryFind(Code code, out InstructionKind kind)
    {
        foreach (Form form in s_forms)
        {
            if (!form.Codes.Contains(code)) continue;
            kind = form.Kind;
            return true;
        }

        kind = K.Unknown;
        return false;
    }

    /// <summary>Where a mnemonic is named, what is done with it, and its traits.</summary>
    public static bool TryFind(Mnemonic mnemonic, out InstructionKind kind, out InstructionTraits traits)
    {
        foreach (Row row in s_rows)
        {
            if (!row.Mnemonics.Contains(mnemonic)) continue;
            (kind, traits) = (row.Kind, row.Traits);
            return true;
        }

        // The first operand of what these name as forms only.
        kind = K.Unknown;
        traits = mnemonic switch
        {
            Push or Jmp or Call => ReadsFirst,
            Lea or Pop => OnlyWrites,
            _ => None,
        };
        return false;
    }

    private sealed record Form(InstructionKind Kind, params Code[] Codes);

    private sealed record Row(InstructionKind Kind, InstructionTraits Traits, params Mnemonic[] Mnemonics);
}

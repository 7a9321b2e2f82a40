using Iced.Intel;
using Vitrine.Accelerators.Software.Interpreter.Decode;

namespace Vitrine.Accelerators.Software.Translator;

/// <summary>
/// Which instructions are copied to the host, and what of their encoding has to change for that. What isn't named here is interpreted.
/// </summary>
internal static class InstructionShapes
{
    private static readonly InstructionShape[] s_shapes = new InstructionShape[IcedConstants.CodeCount];

    /// <summary>The shape of an instruction code.</summary>
    public static ref readonly InstructionShape Of(Code code)
    {
        ref InstructionShape shape = ref s_shapes[(int)code];
        if (shape.Kind == InstructionKind.Unknown) shape = Find(code);
        return ref shape;
    }

    private static InstructionShape Find(Code code)
    {
        OpCodeInfo info = code.ToOpCode();
        Mnemonic mnemonic = code.Mnemonic();
        InstructionShape shape = default;
        if (KindOfString(code) is var kind and not InstructionKind.Unknown) return new InstructionShape { Kind = kind };

        // With one operand the product goes to RDX:RAX.
        bool widens = mnemonic == Mnemonic.Imul && info.OpCount == 1;
        for (int i = 0; i < info.OpCount; i++)
        {
            if (!AddOperand(ref shape, info.GetOpKind(i), i, mnemonic, widens)) return new InstructionShape { Kind = InstructionKind.Interpreted };
        }

        if (mnemonic is Mnemonic.Vzeroupper or Mnemonic.Vzeroall or Mnemonic.Ldmxcsr or Mnemonic.Stmxcsr or Mnemonic.Vldmxcsr or Mnemonic.Vstmxcsr) shape.IsVector = true;
        if (mnemonic is Mnemonic.Ldmxcsr or Mnemonic.Vldmxcsr) shape.WritesRm = false;
        if (IsX87(code)) shape.IsX87 = true;
        if (shape.IsX87) DescribeX87(ref shape, mnemonic, info);
        else if (info.IsGroup) shape.HasModRm = true;
        shape.OnlyWrites = mnemonic is Mnemonic.Mov or Mnemonic.Movzx or Mnemonic.Movsx or Mnemonic.Movsxd or Mnemonic.Popcnt or Mnemonic.Lea or Mnemonic.Pop;
        shape.DropsRepeat = mnemonic is Mnemonic.Bsf or Mnemonic.Bsr;
        shape.MayKeepFlags = mnemonic is Mnemonic.Shl or Mnemonic.Sal or Mnemonic.Shr or Mnemonic.Sar or Mnemonic.Rol or Mnemonic.Ror or Mnemonic.Rcl or
            Mnemonic.Rcr or Mnemonic.Shld or Mnemonic.Shrd;
        shape.AddressesBits = mnemonic is Mnemonic.Bt or Mnemonic.Bts or Mnemonic.Btr or Mnemonic.Btc && shape.RegIsGeneral;
        shape.NeedsAlignment = NeedsAlignment(code, mnemonic);
        shape.Kind = Classify(code, mnemonic, info, in shape);
        return shape;
    }

    private static InstructionKind KindOfString(Code code) => code switch
    {
        Code.Movsb_m8_m8 or Code.Movsw_m16_m16 or Code.Movsd_m32_m32 or Code.Movsq_m64_m64 => InstructionKind.MoveString,
        Code.Stosb_m8_AL or Code.Stosw_m16_AX or Code.Stosd_m32_EAX or Code.Stosq_m64_RAX => InstructionKind.StoreString,
        _ => InstructionKind.Unknown,
    };

    private static bool NeedsAlignment(Code code, Mnemonic mnemonic)
    {
        if (code.Encoding() == EncodingKind.Legacy)
        {
            // The size of the operand decides too: scalars of 4 and 8 bytes are free (SDM vol. 2, exception types 3 to 5).
            return mnemonic is not (Mnemonic.Movups or Mnemonic.Movupd or Mnemonic.Movdqu or Mnemonic.Lddqu or Mnemonic.Pcmpestri or Mnemonic.Pcmpestrm or
                Mnemonic.Pcmpistri or Mnemonic.Pcmpistrm);
        }

        return mnemonic is Mnemonic.Vmovaps or Mnemonic.Vmovapd or Mnemonic.Vmovdqa or Mnemonic.Vmovntps or Mnemonic.Vmovntpd or Mnemonic.Vmovntdq or
            Mnemonic.Vmovntdqa;
    }

    private static bool AddOperand(ref InstructionShape shape, OpCodeOperandKind kind, int number, Mnemonic mnemonic, bool widens)
    {
        bool written = number == 0 ? WritesFirst(mnemonic) && !widens : mnemonic is Mnemonic.Xchg or Mnemonic.Xadd && number == 1;
        switch (kind)
        {
            case OpCodeOperandKind.r8_or_mem or OpCodeOperandKind.r16_or_mem or OpCodeOperandKind.r32_or_mem or OpCodeOperandKind.r64_or_mem:
            case OpCodeOperandKind.r16_rm or OpCodeOperandKind.r32_rm or OpCodeOperandKind.r64_rm:
                shape.RmIsGeneral = true;
                shape.RmIsByte = kind == OpCodeOperandKind.r8_or_mem;
                shape.HasModRm = true;
                shape.WritesRm = written;
                return true;
            case OpCodeOperandKind.mem or OpCodeOperandKind.xmm_or_mem or OpCodeOperandKind.ymm_or_mem or OpCodeOperandKind.xmm_rm or OpCodeOperandKind.ymm_rm:
                shape.HasModRm = true;
                shape.WritesRm = written;
                shape.IsVector |= kind != OpCodeOperandKind.mem;
                return true;
            case OpCodeOperandKind.r8_reg or OpCodeOperandKind.r16_reg or OpCodeOperandKind.r32_reg or OpCodeOperandKind.r64_reg:
                shape.RegIsGeneral = true;
                shape.RegIsByte = kind == OpCodeOperandKind.r8_reg;
                shape.HasModRm = true;
                shape.WritesReg = written;
                return true;
            case OpCodeOperandKind.xmm_reg or OpCodeOperandKind.ymm_reg:
                shape.HasModRm = true;
                shape.IsVector = true;
                return true;
            case OpCodeOperandKind.xmm_vvvv or OpCodeOperandKind.ymm_vvvv:
                shape.IsVector = true;
                return true;
            case OpCodeOperandKind.xmm_is4 or OpCodeOperandKind.ymm_is4:
                shape.IsVector = true;
                shape.ImmediateBytes = 1;
                shape.ImmediateIsRegister = true;
                return true;
            case OpCodeOperandKind.st0 or OpCodeOperandKind.sti_opcode:
                shape.IsX87 = true;
                return true;
            case OpCodeOperandKind.mm_reg or OpCodeOperandKind.mm_rm or OpCodeOperandKind.mm_or_mem:
                shape.HasModRm = true;
                shape.IsX87 = true;
                if (kind != OpCodeOperandKind.mm_reg) shape.WritesRm = written;
                return true;
            case OpCodeOperandKind.r32_vvvv or OpCodeOperandKind.r64_vvvv:
                shape.VvvvIsGeneral = true;
                shape.WritesVvvv = written;
                return true;
            case OpCodeOperandKind.r8_opcode or OpCodeOperandKind.r16_opcode or OpCodeOperandKind.r32_opcode or OpCodeOperandKind.r64_opcode:
                shape.HasOpcodeRegister = true;
                shape.RegIsByte = kind == OpCodeOperandKind.r8_opcode;
                shape.WritesReg = written;
                return true;
            case OpCodeOperandKind.imm8 or OpCodeOperandKind.imm8sex16 or OpCodeOperandKind.imm8sex32 or OpCodeOperandKind.imm8sex64:
                shape.ImmediateBytes++;
                return true;
            case OpCodeOperandKind.imm16:
                shape.ImmediateBytes += 2;
                return true;
            case OpCodeOperandKind.imm32 or OpCodeOperandKind.imm32sex64:
                shape.ImmediateBytes += 4;
                return true;
            case OpCodeOperandKind.imm64:
                shape.ImmediateBytes += 8;
                return true;
            case OpCodeOperandKind.imm8_const_1 or OpCodeOperandKind.al or OpCodeOperandKind.cl or OpCodeOperandKind.ax or OpCodeOperandKind.eax or
                OpCodeOperandKind.rax or OpCodeOperandKind.mem_offs:
            case OpCodeOperandKind.br16_1 or OpCodeOperandKind.br32_1 or OpCodeOperandKind.br64_1 or OpCodeOperandKind.br16_2 or
                OpCodeOperandKind.br32_4 or OpCodeOperandKind.br64_4:
                return true;
            default:
                return false;
        }
    }

    private static bool WritesFirst(Mnemonic mnemonic) => mnemonic is not (Mnemonic.Cmp or Mnemonic.Test or Mnemonic.Bt or Mnemonic.Mul or Mnemonic.Div or
        Mnemonic.Idiv or Mnemonic.Push or Mnemonic.Jmp or Mnemonic.Call or Mnemonic.Nop);

    private static InstructionKind Classify(Code code, Mnemonic mnemonic, OpCodeInfo info, in InstructionShape shape)
    {
        switch (mnemonic)
        {
            case Mnemonic.Push:
                return info.OperandSize == 16 || code is Code.Push_imm16 or Code.Pushw_imm8 ? InstructionKind.Interpreted : InstructionKind.Push;
            case Mnemonic.Pop:
                return shape.HasOpcodeRegister && code is Code.Pop_r64 or Code.Pop_r32 ? InstructionKind.Pop : InstructionKind.Interpreted;
            case Mnemonic.Leave:
                return code is Code.Leaveq or Code.Leaved ? InstructionKind.Leave : InstructionKind.Interpreted;
            case Mnemonic.Lea:
                return code is Code.Lea_r16_m ? InstructionKind.Interpreted : InstructionKind.Lea;
            case Mnemonic.Div:
                return InstructionKind.Divide;
            case Mnemonic.Idiv:
                return InstructionKind.SignedDivide;
            case Mnemonic.Inc or Mnemonic.Dec when shape.HasOpcodeRegister:
                return InstructionKind.ShortIncrement;
            case Mnemonic.Mov when code is >= Code.Mov_AL_moffs8 and <= Code.Mov_moffs64_RAX:
                return InstructionKind.AbsoluteMove;
            case Mnemonic.Nop or Mnemonic.Reservednop:
                return InstructionKind.Nothing;
            case Mnemonic.Prefetchnta or Mnemonic.Prefetcht0 or Mnemonic.Prefetcht1 or Mnemonic.Prefetcht2 or Mnemonic.Prefetchw or Mnemonic.Prefetch:
                return InstructionKind.Nothing;
            case Mnemonic.Jmp:
                return code is Code.Jmp_rel8_32 or Code.Jmp_rel8_64 or Code.Jmp_rel32_32 or Code.Jmp_rel32_64 ? InstructionKind.Jump
                    : code is Code.Jmp_rm32 or Code.Jmp_rm64 ? InstructionKind.IndirectJump
                    : InstructionKind.Interpreted;
            case Mnemonic.Call:
                return code is Code.Call_rel32_32 or Code.Call_rel32_64 ? InstructionKind.Call
                    : code is Code.Call_rm32 or Code.Call_rm64 ? InstructionKind.IndirectCall
                    : InstructionKind.Interpreted;
            case Mnemonic.Swapgs:
                return InstructionKind.SwapGs;
            case Mnemonic.Cli:
                return InstructionKind.ClearInterrupts;
            case Mnemonic.Sti:
                return InstructionKind.SetInterrupts;
            case Mnemonic.Pushfq:
                return InstructionKind.PushFlags;
            case Mnemonic.Ret:
                return code is Code.Retnd or Code.Retnq or Code.Retnd_imm16 or Code.Retnq_imm16 ? InstructionKind.Return : InstructionKind.Interpreted;
        }

        if (shape.IsX87) return IsCopiedX87(mnemonic) ? InstructionKind.Copied : InstructionKind.Interpreted;
        if (code.IsJccShortOrNear()) return info.OperandSize == 16 ? InstructionKind.Interpreted : InstructionKind.ConditionalJump;

        // What isn't an instruction of 64-bit code the host doesn't know here: 82 for 80.
        if (!info.Mode64) return InstructionKind.Interpreted;
        if (shape.IsVector) return IsCopiedVector(mnemonic) ? InstructionKind.Copied : InstructionKind.Interpreted;
        return IsCopied(code, mnemonic) ? InstructionKind.Copied : InstructionKind.Interpreted;
    }

    private static bool IsX87(Code code)
    {
        foreach (CpuidFeature feature in code.CpuidFeatures())
        {
            if (feature is CpuidFeature.FPU or CpuidFeature.FPU287 or CpuidFeature.FPU387 or CpuidFeature.MMX) return true;
        }

        return false;
    }

    private static void DescribeX87(ref InstructionShape shape, Mnemonic mnemonic, OpCodeInfo info)
    {
        bool memory = false;
        bool usesMmx = mnemonic == Mnemonic.Emms;
        for (int i = 0; i < info.OpCount; i++)
        {
            OpCodeOperandKind kind = info.GetOpKind(i);
            memory |= kind == OpCodeOperandKind.mem;
            usesMmx |= kind is OpCodeOperandKind.mm_reg or OpCodeOperandKind.mm_rm or OpCodeOperandKind.mm_or_mem;
        }

        shape.IsX87Control = usesMmx || mnemonic is Mnemonic.Fldcw or Mnemonic.Fnstcw or Mnemonic.Fnstsw or Mnemonic.Fnclex or Mnemonic.Wait;
        if (usesMmx) return;

        // The register forms have their stack register in the second byte: nothing of them changes.
        shape.HasModRm = memory;
        shape.WritesRm = memory && mnemonic is Mnemonic.Fst or Mnemonic.Fstp or Mnemonic.Fist or Mnemonic.Fistp or Mnemonic.Fisttp or Mnemonic.Fbstp or
            Mnemonic.Fnstcw or Mnemonic.Fnstsw;
    }

    // FSTPNCE is undocumented, and processors don't agree on it.
    private static bool IsCopiedX87(Mnemonic mnemonic) => mnemonic is not (Mnemonic.Fldenv or Mnemonic.Fnstenv or Mnemonic.Fnsave or Mnemonic.Frstor or
        Mnemonic.Fninit or Mnemonic.Maskmovq or Mnemonic.Fstpnce);

    private static bool IsCopiedVector(Mnemonic mnemonic) => mnemonic is not (Mnemonic.Maskmovdqu or Mnemonic.Vmaskmovdqu or
        Mnemonic.Vmaskmovps or Mnemonic.Vmaskmovpd or Mnemonic.Vpmaskmovd or Mnemonic.Vpmaskmovq);

    private static bool IsCopied(Code code, Mnemonic mnemonic)
    {
        switch (mnemonic)
        {
            case Mnemonic.Bt or Mnemonic.Bts or Mnemonic.Btr or Mnemonic.Btc:
            case Mnemonic.Mov or Mnemonic.Movzx or Mnemonic.Movsx or Mnemonic.Movsxd or Mnemonic.Xchg or Mnemonic.Xadd or Mnemonic.Cmpxchg:
            case Mnemonic.Cmpxchg8b or Mnemonic.Cmpxchg16b:
            case Mnemonic.Add or Mnemonic.Adc or Mnemonic.Sub or Mnemonic.Sbb or Mnemonic.And or Mnemonic.Or or Mnemonic.Xor or Mnemonic.Cmp or Mnemonic.Test:
            case Mnemonic.Inc or Mnemonic.Dec or Mnemonic.Neg or Mnemonic.Not or Mnemonic.Mul or Mnemonic.Imul:
            case Mnemonic.Shl or Mnemonic.Sal or Mnemonic.Shr or Mnemonic.Sar or Mnemonic.Rol or Mnemonic.Ror or Mnemonic.Rcl or Mnemonic.Rcr or
                Mnemonic.Shld or Mnemonic.Shrd:
            case Mnemonic.Bsf or Mnemonic.Bsr or Mnemonic.Bswap or Mnemonic.Popcnt or Mnemonic.Crc32 or Mnemonic.Lzcnt or Mnemonic.Tzcnt or Mnemonic.Movbe:
            case Mnemonic.Cbw or Mnemonic.Cwde or Mnemonic.Cdqe or Mnemonic.Cwd or Mnemonic.Cdq or Mnemonic.Cqo:
            case Mnemonic.Clc or Mnemonic.Stc or Mnemonic.Cmc or Mnemonic.Lahf or Mnemonic.Sahf:
            case Mnemonic.Pause or Mnemonic.Lfence or Mnemonic.Mfence or Mnemonic.Sfence or Mnemonic.Movnti:
            case Mnemonic.Adcx or Mnemonic.Adox:
            case Mnemonic.Andn or Mnemonic.Bextr or Mnemonic.Blsi or Mnemonic.Blsmsk or Mnemonic.Blsr or Mnemonic.Bzhi or Mnemonic.Pdep or Mnemonic.Pext or
                Mnemonic.Rorx or Mnemonic.Sarx or Mnemonic.Shlx or Mnemonic.Shrx:
                // MOVSXD to 16 bits reads 32 on some processors, which may be beyond what was checked.
                return code is not (Code.Movsxd_r16_rm16 or Code.Bswap_r16 or Code.Cmpxchg486_rm8_r8 or Code.Cmpxchg486_rm16_r16 or Code.Cmpxchg486_rm32_r32);
            case Mnemonic.Seta or Mnemonic.Setae or Mnemonic.Setb or Mnemonic.Setbe or Mnemonic.Sete or Mnemonic.Setne or Mnemonic.Setg or Mnemonic.Setge or
                Mnemonic.Setl or Mnemonic.Setle or Mnemonic.Seto or Mnemonic.Setno or Mnemonic.Sets or Mnemonic.Setns or Mnemonic.Setp or Mnemonic.Setnp:
            case Mnemonic.Cmova or Mnemonic.Cmovae or Mnemonic.Cmovb or Mnemonic.Cmovbe or Mnemonic.Cmove or Mnemonic.Cmovne or Mnemonic.Cmovg or
                Mnemonic.Cmovge or Mnemonic.Cmovl or Mnemonic.Cmovle or Mnemonic.Cmovo or Mnemonic.Cmovno or Mnemonic.Cmovs or Mnemonic.Cmovns or
                Mnemonic.Cmovp or Mnemonic.Cmovnp:
                return true;
            default:
                return false;
        }
    }
}

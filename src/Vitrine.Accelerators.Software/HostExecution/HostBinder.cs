using Iced.Intel;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.Interpreter;
using Vitrine.Accelerators.Software.Interpreter.Decode;
using Vitrine.Accelerators.Software.Interpreter.Sse;
using Vitrine.Accelerators.Software.Interpreter.Sse.StateSave;
using Vitrine.X86.Cpuid;

namespace Vitrine.Accelerators.Software.HostExecution;

/// <summary>
/// Binds the instructions that a vCPU announces beyond the interpreter's: to the <see cref="HostExecutor"/>, or to a handler where
/// the host can't execute them on copies. They are those with a feature of <see cref="s_features"/>; nothing else ever goes to the host.
/// </summary>
internal sealed unsafe class HostBinder : ExtraInstructions
{
    // SAFETY: writes to the operation that it is given.
    private static readonly (CpuFeature Announced, CpuidFeature Name)[] s_features =
    [
        (CpuFeatures.Avx, CpuidFeature.AVX), (CpuFeatures.Avx2, CpuidFeature.AVX2), (CpuFeatures.Fma, CpuidFeature.FMA),
        (CpuFeatures.F16c, CpuidFeature.F16C), (CpuFeatures.Bmi1, CpuidFeature.BMI1), (CpuFeatures.Bmi2, CpuidFeature.BMI2),
        (CpuFeatures.Abm, CpuidFeature.LZCNT), (CpuFeatures.Movbe, CpuidFeature.MOVBE), (CpuFeatures.Adx, CpuidFeature.ADX),
        (CpuFeatures.Sha, CpuidFeature.SHA), (CpuFeatures.Gfni, CpuidFeature.GFNI), (CpuFeatures.Vaes, CpuidFeature.VAES),
        (CpuFeatures.Vpclmulqdq, CpuidFeature.VPCLMULQDQ), (CpuFeatures.AvxVnni, CpuidFeature.AVX_VNNI),
        (CpuFeatures.Rdseed, CpuidFeature.RDSEED), (CpuFeatures.Rdpid, CpuidFeature.RDPID), (CpuFeatures.Xsavec, CpuidFeature.XSAVEC),
        (CpuFeatures.Clflushopt, CpuidFeature.CLFLUSHOPT), (CpuFeatures.Clwb, CpuidFeature.CLWB),
    ];

    // Sets that the interpreter has, and whose instructions have forms encoded with VEX.
    private static readonly (CpuFeature Announced, CpuidFeature Name)[] s_companions =
        [(CpuFeatures.Aes, CpuidFeature.AES), (CpuFeatures.Pclmulqdq, CpuidFeature.PCLMULQDQ)];

    private readonly HashSet<CpuidFeature> _native;
    private readonly HashSet<CpuidFeature> _announced;

    /// <summary>Creates the binder for what a vCPU announces.</summary>
    public HostBinder(CpuidTable cpuid)
    {
        _native = [.. s_features.Where(feature => cpuid.Has(feature.Announced)).Select(feature => feature.Name)];
        _announced = [.. _native, .. s_companions.Where(feature => cpuid.Has(feature.Announced)).Select(feature => feature.Name)];
    }

    /// <summary>True when there is nothing to bind.</summary>
    public bool IsEmpty => _native.Count == 0;

    /// <summary>What executes the instructions that the host can execute on copies; needed to bind them.</summary>
    public HostExecutor? Executor { get; set; }

    /// <inheritdoc/>
    public override bool HasTzcnt => _native.Contains(CpuidFeature.BMI1);

    /// <inheritdoc/>
    public override bool HasLzcnt => _native.Contains(CpuidFeature.LZCNT);

    /// <inheritdoc/>
    public override bool Contains(Code code)
    {
        bool native = false;
        foreach (CpuidFeature feature in code.CpuidFeatures())
        {
            if (!_announced.Contains(feature)) return false;
            native |= _native.Contains(feature);
        }

        return native;
    }

    /// <inheritdoc/>
    public override void Bind(in Instruction instruction, in BindContext context, Op* op)
    {
        Handler refusal = Refusal(in instruction, in context);
        if (refusal != null)
        {
            op->Handler = refusal;
            return;
        }

        switch (instruction.Mnemonic)
        {
            case Mnemonic.Vzeroupper:
                op->Handler = &UpperHalves.Zero;
                break;
            case Mnemonic.Vzeroall:
                op->Handler = &UpperHalves.ZeroAll;
                break;
            case Mnemonic.Vldmxcsr:
                op->Handler = &MxcsrAccess.Load;
                break;
            case Mnemonic.Vstmxcsr:
                op->Handler = &MxcsrAccess.Store;
                break;
            case Mnemonic.Vmaskmovdqu:
                MaskedMove.BindVex(in instruction, in context, op);
                break;
            case Mnemonic.Vmaskmovps or Mnemonic.Vmaskmovpd or Mnemonic.Vpmaskmovd or Mnemonic.Vpmaskmovq:
                MaskedVectorMove.Bind(in instruction, in context, op);
                break;
            case Mnemonic.Vgatherdps or Mnemonic.Vgatherdpd or Mnemonic.Vgatherqps or Mnemonic.Vgatherqpd
                or Mnemonic.Vpgatherdd or Mnemonic.Vpgatherdq or Mnemonic.Vpgatherqd or Mnemonic.Vpgatherqq:
                Gather.Bind(in instruction, in context, op);
                break;
            case Mnemonic.Clflushopt or Mnemonic.Clwb:
                CacheControl.BindFlush(in instruction, in context, op);
                break;
            case Mnemonic.Xsavec or Mnemonic.Xsavec64:
                XSave.BindSave(in instruction, in context, op);
                break;
            case Mnemonic.Rdpid:
                Operands.Destination(in instruction, op);
                op->Handler = &ProcessorNumber;
                break;
            default:
                BindNative(in instruction, Executor!, op);
                break;
        }
    }

    private static void BindNative(in Instruction instruction, HostExecutor host, Op* op)
    {
        if (!StubKey.TryCreate(in instruction, out StubKey key) || !host.CanRun(key))
        {
            op->Handler = &Faults.InvalidOpcode;
            return;
        }

        bool memory = (op->Traits & OpTraits.Memory) != 0;
        op->Imm = key.Value;
        if (memory) op->Extra = (ushort)(instruction.MemorySize.GetSize() | (MustBeAligned(in instruction) ? HostInstruction.Aligned : 0));
        op->Handler = !memory ? &HostInstruction.Registers : instruction.Op0Kind == OpKind.Memory ? &HostInstruction.Store : &HostInstruction.Load;
    }

    /// <summary>The handler that raises what control registers or the mode demand; null where they permit the instruction.</summary>
    private static Handler Refusal(in Instruction instruction, in BindContext context)
    {
        bool isVex = instruction.Encoding == EncodingKind.VEX;
        const ExecutionMode Modes = ExecutionMode.Protected | ExecutionMode.Virtual8086;
        if (isVex && (context.Mode & Modes) != ExecutionMode.Protected) return &Faults.InvalidOpcode;
        if (!UsesVectors(in instruction)) return null;
        if (isVex) return (context.Mode & ExecutionMode.AvxTrap) != 0 ? &FpuGuard.AvxNotAvailable : null;
        return (context.Mode & ExecutionMode.SseTrap) != 0 ? &FpuGuard.SseNotAvailable : null;
    }

    /// <summary>False for what works on general registers only, and for cache control.</summary>
    public static bool UsesVectors(in Instruction instruction)
    {
        foreach (CpuidFeature feature in instruction.CpuidFeatures)
        {
            switch (feature)
            {
                case CpuidFeature.AVX or CpuidFeature.AVX2 or CpuidFeature.FMA or CpuidFeature.F16C or CpuidFeature.SHA or CpuidFeature.GFNI
                    or CpuidFeature.VAES or CpuidFeature.VPCLMULQDQ or CpuidFeature.AVX_VNNI:
                    return true;
            }
        }

        return false;
    }

    /// <summary>Moves that say so in their name or bypass caches, and 16-byte operands of instructions without VEX (SDM vol. 2, exception classes 1 and 4).</summary>
    private static bool MustBeAligned(in Instruction instruction) => instruction.Mnemonic switch
    {
        Mnemonic.Vmovaps or Mnemonic.Vmovapd or Mnemonic.Vmovdqa => true,
        Mnemonic.Vmovntps or Mnemonic.Vmovntpd or Mnemonic.Vmovntdq or Mnemonic.Vmovntdqa => true,
        _ => instruction.Encoding == EncodingKind.Legacy && instruction.MemorySize.GetSize() == 16,
    };

    private static Op* ProcessorNumber(CpuState* cpu, Op* op)
    {
        // A 32-bit value, zero-extended, whatever the operand size (SDM vol. 2, RDPID).
        *(ulong*)((byte*)cpu + op->Dst) = (uint)cpu->TscAux;
        return op + 1;
    }
}

using Iced.Intel;
using Vitrine.Accelerators.Software.HostExecution;
using Vitrine.Tests.Differential;
using Vitrine.X86.Cpuid;
using Xunit;

namespace Vitrine.Tests.Software.HostExecution;

/// <summary>The code of stubs, for every instruction that a CPU model can announce, whether or not this host has it.</summary>
public sealed class HostStubTests
{
    private static readonly HostBinder _everything = new(new CpuidTable(CpuModels.Host.Build(new CpuidEnvironment(), 0)));

    // Executed by handlers: registers by number, memory by elements, or the machine's own state.
    private static readonly HashSet<Mnemonic> _managed =
    [
        Mnemonic.Vzeroupper, Mnemonic.Vzeroall, Mnemonic.Vldmxcsr, Mnemonic.Vstmxcsr, Mnemonic.Vmaskmovdqu,
        Mnemonic.Vmaskmovps, Mnemonic.Vmaskmovpd, Mnemonic.Vpmaskmovd, Mnemonic.Vpmaskmovq,
        Mnemonic.Vgatherdps, Mnemonic.Vgatherdpd, Mnemonic.Vgatherqps, Mnemonic.Vgatherqpd,
        Mnemonic.Vpgatherdd, Mnemonic.Vpgatherdq, Mnemonic.Vpgatherqd, Mnemonic.Vpgatherqq,
        Mnemonic.Clflushopt, Mnemonic.Clwb, Mnemonic.Rdpid, Mnemonic.Xsavec, Mnemonic.Xsavec64,
    ];

    private static IEnumerable<Code> Native => Enum.GetValues<Code>().Where(code => _everything.Contains(code) && !_managed.Contains(code.Mnemonic()));

    /// <summary>
    /// A stub touches memory only by the two pointers that it is given and by the stack, which ends where it began; it leaves the
    /// registers that the convention keeps, and can't raise anything.
    /// </summary>
    [Fact]
    public void EveryStubIsHarmless()
    {
        const int Forms = 8;
        OperandFactory operands = new(new CaseRandom(7));
        StubBuilder builder = new();
        List<string> failures = [];
        int built = 0;
        foreach (Code code in Native)
        {
            foreach (int bitness in (ReadOnlySpan<int>)[64, 32])
            {
                if (bitness == 64 ? !code.ToOpCode().Mode64 : !code.ToOpCode().Mode32) continue;
                for (int i = 0; i < Forms; i++)
                {
                    MachineImage image = default;
                    Assert.True(operands.TryCreate(code, bitness, ref image, out Instruction instruction), code.ToString());
                    if (!StubKey.TryCreate(instruction, out StubKey key) || !builder.TryBuild(key, out _)) failures.Add($"{code}: no stub");
                    else if (Harm(builder.Code.ToArray(), instruction) is { } harm) failures.Add($"{instruction}: {harm}");
                    else built++;
                }
            }
        }

        Assert.True(failures.Count == 0, string.Join("\n", failures));

        // 370 codes and more of AVX alone (SDM vol. 2), each in several forms.
        Assert.True(built > 370 * Forms, $"{built}");
    }

    [Fact]
    public void NothingThatTouchesTheMachineGoesToTheHost()
    {
        // Everything that the interpreter refuses on purpose, or that isn't announced: no feature of theirs is one of the host's.
        foreach (Code code in (ReadOnlySpan<Code>)
            [Code.Ud2, Code.Ud0, Code.Syscall, Code.Int3, Code.Wbinvd, Code.Rdmsr, Code.Hlt, Code.Vmcall, Code.Monitorw, Code.Xrstors_mem, Code.Wrpkru,
             Code.EVEX_Vmovups_zmm_k1z_zmmm512, Code.VEX_Vfmaddps_xmm_xmm_xmmm128_xmm, Code.VEX_Tileloadd_tmm_sibmem, Code.VEX_Cmpoxadd_m32_r32_r32])
        {
            Assert.False(_everything.Contains(code), code.ToString());
        }
    }

    [Fact]
    public void OnlyWhatIsAnnouncedIsContained()
    {
        CpuidEntry[] without = [.. CpuModels.X8664V3.Build(new CpuidEnvironment(), 0).Select(entry => entry.Function == 7 ? entry with { Ebx = entry.Ebx & ~0x20u } : entry)];
        HostBinder binder = new(new CpuidTable(without));
        Assert.True(binder.Contains(Code.VEX_Vpaddd_xmm_xmm_xmmm128));
        Assert.False(binder.Contains(Code.VEX_Vpaddd_ymm_ymm_ymmm256));
        Assert.False(binder.Contains(Code.Sha1msg1_xmm_xmmm128));
        Assert.True(binder is { HasLzcnt: true, HasTzcnt: true, IsEmpty: false });
        Assert.True(new HostBinder(new CpuidTable(CpuModels.X8664V2.Build(new CpuidEnvironment(), 0))) is { HasLzcnt: false, HasTzcnt: false, IsEmpty: true });
    }

    private static string? Harm(byte[] code, in Instruction instruction)
    {
        Decoder decoder = Decoder.Create(64, code);
        int depth = 0;
        int own = 0;
        while (decoder.IP < (ulong)code.Length)
        {
            decoder.Decode(out Instruction step);
            if (step.IsInvalid) return "an invalid instruction";
            if (step.Code == instruction.Code) own++;
            if (step.FlowControl is not (FlowControl.Next or FlowControl.Return)) return $"a branch: {step}";
            depth += step.StackPointerIncrement;
            for (int i = 0; i < step.OpCount; i++)
            {
                if (step.GetOpKind(i) == OpKind.Memory && (step.MemoryIndex != Register.None || step.MemoryBase is not (Register.RDI or Register.RSI)))
                    return $"memory elsewhere: {step}";
                Register written = i == 0 && step.GetOpKind(i) == OpKind.Register ? step.GetOpRegister(i).GetFullRegister() : Register.None;
                if (written is Register.RBX or Register.RBP or Register.RSP or Register.RSI or Register.RDI or Register.R12 or Register.R13
                    or Register.R14 or Register.R15)
                {
                    return $"a register of the caller's: {step}";
                }
            }

            if (step.FlowControl == FlowControl.Return)
                return own == 0 ? "not the instruction" : depth != 8 ? "an uneven stack" : decoder.IP == (ulong)code.Length ? null : "code behind the end";
        }

        return "no end";
    }
}

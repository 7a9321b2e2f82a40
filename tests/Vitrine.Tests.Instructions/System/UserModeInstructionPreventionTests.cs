using Vitrine.X86.Registers;
using Vitrine.X86.State;
using Xunit;
using static Iced.Intel.AssemblerRegisters;
using M = Vitrine.Tests.Software.SystemMachine;

namespace Vitrine.Tests.Software;

/// <summary>CR4.UMIP: SGDT, SIDT, SLDT, SMSW and STR raise #GP(0) when CPL is above 0 (SDM vol. 3, 2.5; vol. 2, the instructions).</summary>
public sealed unsafe class UserModeInstructionPreventionTests
{
    // SAFETY: machines outlive the pointers taken from them.
    private const string Fault = "#13(0)";
    private const string Undefined = "#6";

    /// <summary>Memory forms with [disp] in each address size, and the register forms of the three that have one.</summary>
    private static readonly (string Name, byte Opcode, byte Extension, bool HasRegister)[] s_instructions =
        [("SLDT", 0x00, 0, true), ("STR", 0x00, 1, true), ("SGDT", 0x01, 0, false), ("SIDT", 0x01, 1, false), ("SMSW", 0x01, 4, true)];

    [Theory]
    // mode      CPL  UMIP   SLDT and STR  the others
    [InlineData("long", 0, true, "ok", "ok")]
    [InlineData("long", 3, false, "ok", "ok")]
    [InlineData("long", 3, true, Fault, Fault)]
    [InlineData("32-bit", 0, true, "ok", "ok")]
    [InlineData("32-bit", 1, true, Fault, Fault)]
    [InlineData("32-bit", 3, false, "ok", "ok")]
    [InlineData("32-bit", 3, true, Fault, Fault)]
    [InlineData("real", 0, true, Undefined, "ok")]
    [InlineData("virtual-8086", 3, false, Undefined, "ok")]
    [InlineData("virtual-8086", 3, true, Undefined, Fault)]
    public void EachInstructionInEachMode(string mode, int cpl, bool umip, string selectors, string others)
    {
        foreach ((string name, byte opcode, byte extension, bool hasRegister) in s_instructions)
        {
            foreach (bool register in (ReadOnlySpan<bool>)[false, true])
            {
                if (register && !hasRegister) continue;
                using M m = Machine(mode, cpl);
                if (umip) m.Cpu->Cr4 |= Cr4.UMIP;
                byte modRm = (byte)((extension << 3) | (register ? 0xC3 : 0));
                m.Cpu->Gpr[Gpr.Rax] = 0x4000;
                (m.Cpu->Gpr[Gpr.Rbx], m.Cpu->Gpr[Gpr.Rsi]) = (0x40, 0);
                string expected = opcode == 0 ? selectors : others;
                Assert.Equal((name, register, expected), (name, register, m.Execute(0x0F, opcode, modRm)));
            }
        }
    }

    [Fact]
    public void Cr4TakesTheBitWhereItIsAnnounced()
    {
        using M m = M.Long();
        m.Cpu->Gpr[Gpr.Rax] = Cr4.PAE | Cr4.UMIP;
        Assert.Equal("ok", m.Execute(a => a.mov(cr4, rax)));
        Assert.Equal(Cr4.PAE | Cr4.UMIP, m.Cpu->Cr4);

        using M old = M.Long(model: Vitrine.X86.Cpuid.CpuModels.X8664V1);
        old.Cpu->Gpr[Gpr.Rax] = Cr4.PAE | Cr4.UMIP;
        Assert.Equal(Fault, old.Execute(a => a.mov(cr4, rax)));
    }

    private static M Machine(string mode, int cpl)
    {
        M machine = mode switch
        {
            "long" => M.Long(cpl),
            "real" => M.Real(),
            "virtual-8086" => M.Virtual8086(),
            _ => M.Protected(cpl == 0 ? 0 : 3),
        };
        machine.Cpu->Cpl = (uint)cpl;
        return machine;
    }
}

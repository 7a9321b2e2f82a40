using Vitrine.Accelerators.Software.HostExecution;
using Vitrine.X86.Cpuid;
using Vitrine.X86.Paging;
using Vitrine.X86.Registers;
using Vitrine.X86.State;
using Xunit;
using static Iced.Intel.AssemblerRegisters;
using M = Vitrine.Tests.Software.Mmu.PagedMachine;

namespace Vitrine.Tests.Software.Translator;

/// <summary>VPCMPESTRI and VPCMPESTRM take their lengths from EAX and EDX, or with VEX.W from RAX and RDX: in 64-bit code only (SDM vol. 2).</summary>
public sealed class StringLengthTests
{
    [Theory]
    //          bits  VEX byte 3, opcode  EDX as a length
    [InlineData(64, 0x79, 0x61, true)]
    [InlineData(64, 0xF9, 0x61, false)]
    [InlineData(32, 0x79, 0x61, true)]
    [InlineData(32, 0xF9, 0x61, true)]
    [InlineData(64, 0xF9, 0x60, false)]
    [InlineData(32, 0xF9, 0x60, true)]
    public void LengthsAreAsWideAsTheModeSays(int bits, byte wide, byte opcode, bool isShort)
    {
        Assert.SkipUnless(HostProcessor.HasAvx, "the host has no AVX");
        using M m = new(bits == 64 ? PagingMode.FourLevel : PagingMode.None, bits, CpuModels.X8664V3);
        m.State.Cr4 |= Cr4.OSFXSR | Cr4.OSXSAVE;
        m.State.Xcr0 = 7;
        Assert.Equal("ok", m.Run(a =>
        {
            a.mov(eax, 20);
            a.mov(edx, -1);
            a.db(0xC4, 0xE3, wide, opcode, 0xC8, 0x3A);
            a.setz(bl);
            a.movzx(ebx, bl);
        }));

        // ZF: the second string, of |EDX| bytes, is shorter than 16.
        Assert.Equal(isShort ? 1UL : 0, m[Gpr.Rbx]);
    }
}

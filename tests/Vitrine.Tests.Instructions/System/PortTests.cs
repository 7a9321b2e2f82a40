using Vitrine.Accelerators;
using Vitrine.X86.Registers;
using Vitrine.X86.State;
using Xunit;
using static Iced.Intel.AssemblerRegisters;
using M = Vitrine.Tests.Software.SystemMachine;

namespace Vitrine.Tests.Software;

/// <summary>Port instructions: SDM vol. 1, chapter 19; vol. 2, IN, OUT, INS, OUTS.</summary>
public sealed unsafe class PortTests
{
    // SAFETY: machines outlive the pointers taken from them.

    [Theory]
    // IOPL, bitmap base, bits at the port's byte, TSS limit, size -> allowed
    [InlineData(3, 0x68, 0xFFFF, 0x200u, 1, "Exit")]
    [InlineData(0, 0x68, 0, 0x200u, 1, "Exit")]
    [InlineData(0, 0x68, 1 << 4, 0x200u, 1, "#13(0)")]
    [InlineData(0, 0x68, 1 << 5, 0x200u, 1, "Exit")]
    [InlineData(0, 0x68, 1 << 5, 0x200u, 2, "#13(0)")] // every port of the access counts
    [InlineData(0, 0x68, 1 << 7, 0x200u, 4, "#13(0)")]
    [InlineData(0, 0x68, 0, 0xE7u, 1, "Exit")] // both bytes 68h + 7Eh and + 7Fh inside
    [InlineData(0, 0x68, 0, 0xE6u, 1, "#13(0)")] // the second byte is outside
    [InlineData(0, 0xFFFF, 0, 0x200u, 1, "#13(0)")]
    [InlineData(0, 0x68, 0, 0x66u, 1, "#13(0)")] // no I/O map base
    public void PermissionBitmap(int iopl, int mapBase, int bits, uint limit, int size, string expected)
    {
        using M m = M.Protected(3);
        m.Rflags = Rflags.Fixed | ((ulong)iopl << 12);
        m.Cpu->Segments[Seg.Tr].Limit = limit;
        m.Write(M.Tss + 102, (ushort)mapBase);
        m.Write(M.Tss + 0x68 + (0x3F4 / 8), (ushort)bits);
        m.Cpu->Gpr[Gpr.Rdx] = 0x3F4;
        Assert.Equal(expected, size switch
        {
            1 => m.Execute(a => a.@out(dx, al)),
            2 => m.Execute(a => a.@out(dx, ax)),
            _ => m.Execute(a => a.@out(dx, eax)),
        });
    }

    [Theory]
    [InlineData(0, "Exit")]
    [InlineData(1 << 4, "#13(0)")] // in virtual-8086 mode the bitmap decides even with IOPL 3
    public void Virtual8086IgnoresIopl(int bits, string expected)
    {
        using M m = M.Virtual8086();
        m.Cpu->Segments[Seg.Tr].Limit = 0x200;
        m.Write(M.Tss + 102, (ushort)0x68);
        m.Write(M.Tss + 0x68 + (0x3F4 / 8), (ushort)bits);
        m.Cpu->Gpr[Gpr.Rdx] = 0x3F4;
        Assert.Equal(expected, m.Execute(a => a.@in(al, dx)));
    }

    [Theory]
    [InlineData(1, 0xFFFF_FFFF_FFFF_FF5AUL)]
    [InlineData(2, 0xFFFF_FFFF_FFFF_A55AUL)]
    [InlineData(4, 0x0000_0000_9669_A55AUL)]
    public void InFillsItsPartOfRax(int size, ulong expected)
    {
        using M m = M.Long();
        m.Write(M.Code, size switch { 1 => 0xF4ECu, 2 => 0xF4_ED66u, _ => 0xF4EDu }); // in al/ax/eax, dx; hlt
        m.Cpu->Gpr[Gpr.Rax] = ulong.MaxValue;
        m.Cpu->Gpr[Gpr.Rdx] = 0x1234_0060;
        ref VmExit exit = ref m.Vcpu.Run();
        Assert.Equal((VmExitReason.PortIo, (ushort)0x60, size, false), (exit.Reason, exit.Port, exit.Size, exit.IsWrite));
        ReadOnlySpan<byte> answer = [0x5A, 0xA5, 0x69, 0x96];
        answer[..size].CopyTo(exit.Data);
        m.Vcpu.Kick();
        m.Vcpu.Run();
        Assert.Equal(expected, m.Cpu->Gpr[Gpr.Rax]);
    }

    [Fact]
    public void RepeatedInputCommitsElementByElement()
    {
        using M m = M.Long();
        m.Write(M.Code, 0xF46D_F3u); // rep insd; hlt
        m.Cpu->Gpr[Gpr.Rdx] = 0x1F0;
        m.Cpu->Gpr[Gpr.Rdi] = 0x4800;
        m.Cpu->Gpr[Gpr.Rcx] = 3;
        for (uint i = 0; i < 3; i++)
        {
            ref VmExit exit = ref m.Vcpu.Run();
            Assert.Equal((VmExitReason.PortIo, (ushort)0x1F0, 4), (exit.Reason, exit.Port, exit.Size));
            Assert.Equal((3UL - i, 0x4800UL + (i * 4), M.Code), (m.Cpu->Gpr[Gpr.Rcx], m.Cpu->Gpr[Gpr.Rdi], m.Cpu->Rip));
            BitConverter.TryWriteBytes(exit.Data, 0x1111_1111u * (i + 1));
        }

        m.Vcpu.Kick();
        m.Vcpu.Run();
        Assert.Equal([0x1111_1111, 0x2222_2222, 0x3333_3333], m.Stack(0x4800, 4, 3));
        Assert.Equal((0UL, 0x480CUL), (m.Cpu->Gpr[Gpr.Rcx], m.Cpu->Gpr[Gpr.Rdi]));
    }

    [Fact]
    public void RepeatedOutputGoesDownWithDirectionFlag()
    {
        using M m = M.Long();
        m.Write(M.Code, 0xF46E_F3u); // rep outsb; hlt
        m.Write(0x4800, (ushort)0xBBAA);
        m.Rflags = Rflags.Fixed | Rflags.DF;
        m.Cpu->Gpr[Gpr.Rdx] = 0x402;
        m.Cpu->Gpr[Gpr.Rsi] = 0x4801;
        m.Cpu->Gpr[Gpr.Rcx] = 2;
        ref VmExit exit = ref m.Vcpu.Run();
        Assert.Equal((true, (byte)0xBB), (exit.IsWrite, exit.Data[0]));
        exit = ref m.Vcpu.Run();
        Assert.Equal((true, (byte)0xAA), (exit.IsWrite, exit.Data[0]));
        m.Vcpu.Kick();
        m.Vcpu.Run();
        Assert.Equal((0UL, 0x47FFUL), (m.Cpu->Gpr[Gpr.Rcx], m.Cpu->Gpr[Gpr.Rsi]));
    }

    [Fact]
    public void InputToAnUnmappedPageFaultsBeforeThePortIsRead()
    {
        using M m = M.Long();
        m.Cpu->Gpr[Gpr.Rdi] = 0x4000_0000;
        m.Cpu->Gpr[Gpr.Rcx] = 1;
        Assert.Equal("#14(2)", m.Execute(0x6C));
        Assert.Equal(0x4000_0000UL, m.Cpu->Cr2);
    }
}

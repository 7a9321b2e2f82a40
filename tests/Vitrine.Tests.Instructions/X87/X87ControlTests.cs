using System.Buffers.Binary;
using Iced.Intel;
using Xunit;
using static Iced.Intel.AssemblerRegisters;

namespace Vitrine.Tests.Software.X87;

/// <summary>What a user-mode oracle can't show: real-mode images, #MF, #NM.</summary>
public sealed class X87ControlTests
{
    private const ulong CodeBase = 0x1000;
    private const int Marker = 0x80;
    private const uint NumericError = 0x20;
    private const uint TaskSwitched = 0x08;
    private const uint MonitorCoprocessor = 0x02;
    private const uint Emulation = 0x04;

    /// <summary>SDM vol. 1, figure 8-12: 16-bit real-mode image. FLDPI is D9 EB, so FOP is 1EBh.</summary>
    [Fact]
    public void RealModeImageOf16BitsHoldsLinearAddresses()
    {
        Assembler a = new(16);
        a.fninit();
        a.fld1();
        a.fld(__dword_ptr[GuestRoutine.Data + 0x40]);
        a.fnstenv(__[GuestRoutine.Data]);
        using GuestRoutine guest = new(a);
        byte[] data = new byte[0x100];
        guest.Run(data);
        // FNINIT and FLD1 are two bytes each, so FLD m32 is at 1004h; 3040h is its operand; D9 06 gives opcode 106h.
        ushort[] expected = [0x037F, 0x3000, 0x1FFF, (ushort)CodeBase + 4, 0x0106, GuestRoutine.Data + 0x40, 0x0000];
        for (int i = 0; i < expected.Length; i++)
            Assert.Equal(expected[i], BinaryPrimitives.ReadUInt16LittleEndian(data.AsSpan(i * 2)));
        Assert.Equal(0, BinaryPrimitives.ReadUInt16LittleEndian(data.AsSpan(14)));
    }

    /// <summary>The 94-byte image of FNSAVE comes back with FRSTOR, and FNSAVE leaves what FNINIT leaves.</summary>
    [Fact]
    public void SaveAndRestoreOf16BitsKeepEverything()
    {
        Assembler a = new(16);
        a.fninit();
        a.fldpi();
        a.fldl2e();
        a.db(0xDD, 0x36, unchecked((byte)GuestRoutine.Data), GuestRoutine.Data >> 8);
        a.fnstsw(__word_ptr[GuestRoutine.Data + 0x60]);
        a.db(0xDD, 0x26, unchecked((byte)GuestRoutine.Data), GuestRoutine.Data >> 8);
        a.fnstsw(__word_ptr[GuestRoutine.Data + 0x62]);
        a.fstp(__tbyte_ptr[GuestRoutine.Data + 0x70]);
        a.fstp(__tbyte_ptr[GuestRoutine.Data + Marker]);
        using GuestRoutine guest = new(a);
        byte[] data = new byte[0x100];
        guest.Run(data);
        Assert.Equal(0x0000, BinaryPrimitives.ReadUInt16LittleEndian(data.AsSpan(0x60)));
        Assert.Equal(0x3000, BinaryPrimitives.ReadUInt16LittleEndian(data.AsSpan(0x62)));
        Assert.Equal(0xB8AA_3B29_5C17_F0BCUL, BinaryPrimitives.ReadUInt64LittleEndian(data.AsSpan(0x70)));
        Assert.Equal(0xC90F_DAA2_2168_C235UL, BinaryPrimitives.ReadUInt64LittleEndian(data.AsSpan(Marker)));
        Assert.Equal(data[14..24], data[0x70..0x7A]);
    }

    /// <summary>An unmasked exception waits for the next waiting instruction, and raises #MF there when CR0.NE is set.</summary>
    [Theory]
    // waiting, NE, reaches the store behind it
    [InlineData(true, NumericError, false)]
    [InlineData(true, 0u, true)]
    [InlineData(false, NumericError, true)]
    public void UnmaskedExceptionIsRaisedByTheNextWaitingInstruction(bool waiting, uint cr0, bool completes)
    {
        Assembler a = new(16);
        a.fninit();
        a.mov(__word_ptr[GuestRoutine.Data], 0x37B);
        a.fldcw(__word_ptr[GuestRoutine.Data]);
        a.fld1();
        a.fldz();
        a.fdivp(st1, st0);
        if (waiting) a.wait();
        else a.fnstsw(ax);
        Assert.Equal(completes, ReachesTheEnd(a, cr0));
    }

    /// <summary>SDM vol. 3, table 2-2: FWAIT obeys MP and TS together, the other instructions EM or TS.</summary>
    [Theory]
    [InlineData(true, 0u, true)]
    [InlineData(true, TaskSwitched, true)]
    [InlineData(true, MonitorCoprocessor, true)]
    [InlineData(true, Emulation, true)]
    [InlineData(true, TaskSwitched | MonitorCoprocessor, false)]
    [InlineData(false, 0u, true)]
    [InlineData(false, MonitorCoprocessor, true)]
    [InlineData(false, TaskSwitched, false)]
    [InlineData(false, Emulation, false)]
    public void ControlRegisterMakesTheDeviceNotAvailable(bool isWait, uint cr0, bool completes)
    {
        Assembler a = new(16);
        if (isWait) a.wait();
        else a.fld1();
        Assert.Equal(completes, ReachesTheEnd(a, cr0));
    }

    private static bool ReachesTheEnd(Assembler body, uint cr0)
    {
        Assembler a = new(16);
        a.mov(eax, cr0);
        a.mov(ebx, cr0Register);
        a.or(ebx, eax);
        a.mov(cr0Register, ebx);
        foreach (Instruction instruction in body.Instructions) a.AddInstruction(instruction);
        a.mov(__byte_ptr[GuestRoutine.Data + Marker], 1);
        using GuestRoutine guest = new(a);
        byte[] data = new byte[0x100];
        guest.Run(data);
        return data[Marker] == 1;
    }

    private static AssemblerRegisterCR cr0Register => Iced.Intel.AssemblerRegisters.cr0;
}

using System.Buffers.Binary;
using System.Text;
using Iced.Intel;
using Vitrine.Boot;
using static Iced.Intel.AssemblerRegisters;

namespace Vitrine.Guests;

/// <summary>
/// Iced's assembler with what our guests share: output, interrupt tables, the ways to end. Each of these emits the right
/// instructions for the mode. None touches the registers BX, SI, DI, BP or SP of any width, unless it says so.
/// </summary>
internal sealed class GuestAssembler
{
    /// <summary>Where <see cref="SetGate"/> builds the interrupt table (real mode: the vector table at 0).</summary>
    internal const uint InterruptTable = 0x1_0000;

    /// <summary>Interrupt vector of IRQ 0 after <see cref="RemapInterruptControllers"/>.</summary>
    internal const byte Irq0Vector = 0x20;

    private const ushort Code32 = 0x08;
    private const ushort Code64 = 0x10;
    private const byte NonSpecificEoi = 0x20;
    private const short Placeholder = 0x5A5A;

    private readonly FlatMode _mode;
    private readonly List<(Mark Place, byte[] Bytes)> _data = [];
    private readonly List<(int Instruction, Mark Target)> _fixups = [];

    /// <summary>An empty program.</summary>
    internal GuestAssembler(FlatMode mode)
    {
        _mode = mode;
        Code = new Assembler(Bits);
    }

    /// <summary>Takes instructions.</summary>
    internal Assembler Code { get; }

    /// <summary>16, 32 or 64.</summary>
    internal int Bits => _mode switch
    {
        FlatMode.Real => 16,
        FlatMode.Protected => 32,
        _ => 64,
    };

    /// <summary>A place that is set later.</summary>
    internal Mark NewLabel() => new(Code.CreateLabel());

    /// <summary>Sets a place here.</summary>
    internal void Place(Mark mark) => mark.Place(Code);

    /// <summary>A place that is here.</summary>
    internal Mark Here()
    {
        Mark mark = NewLabel();
        Place(mark);
        return mark;
    }

    /// <summary>Data, placed after the code.</summary>
    internal Mark Data(params byte[] bytes)
    {
        Mark mark = NewLabel();
        _data.Add((mark, bytes));
        return mark;
    }

    /// <summary>Writes a byte to a port. Changes AL and DX.</summary>
    internal void Out(ushort port, byte value)
    {
        Code.mov(al, value);
        Out(port);
    }

    /// <summary>Writes AL to a port. Changes DX.</summary>
    internal void Out(ushort port)
    {
        if (port <= byte.MaxValue)
        {
            Code.@out((byte)port, al);
            return;
        }

        Code.mov(dx, port);
        Code.@out(dx, al);
    }

    /// <summary>Loads the address of a label into SI, ESI or RSI.</summary>
    internal void LoadSource(Mark label) => LoadAddress(si, esi, rsi, label);

    /// <summary>Loads the address of a label into DI, EDI or RDI.</summary>
    internal void LoadDestination(Mark label) => LoadAddress(di, edi, rdi, label);

    /// <summary>Sends text on the serial port with a loop of LODSB and OUT. Changes AL, DX and SI.</summary>
    internal void Print(string text)
    {
        LoadSource(Data([.. Encoding.ASCII.GetBytes(text), 0]));
        Mark done = NewLabel();
        Code.cld();
        Mark next = Here();
        Code.lodsb();
        Code.test(al, al);
        Code.je(done);
        Out(Ports.Serial);
        Code.jmp(next);
        Place(done);
    }

    /// <summary>
    /// Places a subroutine that sends EAX as eight hexadecimal digits on the serial port. Changes EAX, ECX and EDX.
    /// </summary>
    internal Mark PrintHexSubroutine()
    {
        Mark start = Here();
        Code.mov(ecx, 8);
        Mark next = Here();
        Code.rol(eax, 4);
        PushAccumulator();
        Code.and(al, 0xF);
        Code.add(al, (byte)'0');
        Mark digit = NewLabel();
        Code.cmp(al, (byte)'9');
        Code.jbe(digit);
        Code.add(al, 'a' - '9' - 1);
        Place(digit);
        Out(Ports.Serial);
        PopAccumulator();
        Code.dec(ecx);
        Code.jne(next);
        Code.ret();
        return start;
    }

    /// <summary>Ends the machine through the debug-exit port.</summary>
    internal void DebugExit(byte value)
    {
        Out(Ports.DebugExit, value);
        Stop();
    }

    /// <summary>Ends the machine through the debug-exit port with AL.</summary>
    internal void DebugExit()
    {
        Out(Ports.DebugExit);
        Stop();
    }

    /// <summary>Stays here for ever: behind what should have ended the machine.</summary>
    internal void Stop()
    {
        Code.cli();
        Mark here = Here();
        Code.hlt();
        Code.jmp(here);
    }

    /// <summary>Loads the address of a label into AX, EAX or RAX.</summary>
    internal void LoadAccumulator(Mark label) => LoadAddress(ax, eax, rax, label);

    /// <summary>Enters a handler into the interrupt table. Changes AX of any width.</summary>
    internal void SetGate(byte vector, Mark handler)
    {
        uint gate = InterruptTable + (uint)vector * (Bits == 64 ? 16u : 8u);
        const ushort PresentInterruptGate = 0x8E00;
        switch (Bits)
        {
            case 16:
                LoadAccumulator(handler);
                Code.mov(__word_ptr[vector * 4], ax);
                Code.mov(__word_ptr[vector * 4 + 2], 0);
                break;
            case 32:
                LoadAccumulator(handler);
                Code.mov(__word_ptr[gate], ax);
                Code.mov(__word_ptr[gate + 2], Code32);
                Code.mov(__word_ptr[gate + 4], PresentInterruptGate);
                Code.shr(eax, 16);
                Code.mov(__word_ptr[gate + 6], ax);
                break;
            default:
                LoadAccumulator(handler);
                Code.mov(__word_ptr[gate], ax);
                Code.mov(__word_ptr[gate + 2], Code64);
                Code.mov(__word_ptr[gate + 4], PresentInterruptGate);
                Code.shr(rax, 16);
                Code.mov(__word_ptr[gate + 6], ax);
                Code.shr(rax, 16);
                Code.mov(__dword_ptr[gate + 8], eax);
                break;
        }
    }

    /// <summary>Loads IDTR with <see cref="InterruptTable"/>; in real mode, where the table is at 0, nothing is needed.</summary>
    internal void LoadInterruptTable()
    {
        if (Bits != 16) LoadIdtr(InterruptTable, 0xFFF);
    }

    /// <summary>Loads IDTR.</summary>
    internal void LoadIdtr(uint @base, ushort limit)
    {
        Mark pseudoDescriptor = PseudoDescriptor(@base, limit);
        if (Bits == 64) Code.lidt(__[pseudoDescriptor]);
        else Fixed(pseudoDescriptor, () => Code.lidt(__[Placeholder]));
    }

    /// <summary>Loads GDTR.</summary>
    internal void LoadGdtr(uint @base, ushort limit)
    {
        Mark pseudoDescriptor = PseudoDescriptor(@base, limit);
        if (Bits == 64) Code.lgdt(__[pseudoDescriptor]);
        else Fixed(pseudoDescriptor, () => Code.lgdt(__[Placeholder]));
    }

    /// <summary>Returns from an interrupt handler.</summary>
    internal void InterruptReturn()
    {
        switch (Bits)
        {
            case 16: Code.iret(); break;
            case 32: Code.iretd(); break;
            default: Code.iretq(); break;
        }
    }

    /// <summary>Puts IRQ 0 to 15 at vectors 0x20 to 0x2F (8259A data sheet, "Initialization Command Words"). Changes AL.</summary>
    /// <param name="mask1">Mask of the first 8259: a clear bit lets an IRQ through.</param>
    internal void RemapInterruptControllers(byte mask1)
    {
        const byte Icw1EdgeCascadeIcw4 = 0x11;
        const byte Icw4Mode8086 = 1;
        Out(Ports.Pic1Command, Icw1EdgeCascadeIcw4);
        Out(Ports.Pic2Command, Icw1EdgeCascadeIcw4);
        Out(Ports.Pic1Data, Irq0Vector);
        Out(Ports.Pic2Data, Irq0Vector + 8);
        Out(Ports.Pic1Data, 1 << 2);
        Out(Ports.Pic2Data, 2);
        Out(Ports.Pic1Data, Icw4Mode8086);
        Out(Ports.Pic2Data, Icw4Mode8086);
        Out(Ports.Pic1Data, mask1);
        Out(Ports.Pic2Data, 0xFF);
    }

    /// <summary>Acknowledges an interrupt of the first 8259. Changes AL.</summary>
    internal void EndOfInterrupt() => Out(Ports.Pic1Command, NonSpecificEoi);

    /// <summary>Pushes AX of the mode's width.</summary>
    internal void PushAccumulator()
    {
        switch (Bits)
        {
            case 16: Code.push(ax); break;
            case 32: Code.push(eax); break;
            default: Code.push(rax); break;
        }
    }

    /// <summary>Pops AX of the mode's width.</summary>
    internal void PopAccumulator()
    {
        switch (Bits)
        {
            case 16: Code.pop(ax); break;
            case 32: Code.pop(eax); break;
            default: Code.pop(rax); break;
        }
    }

    /// <summary>The bytes, for loading at <see cref="GuestProgram.Address"/>.</summary>
    internal byte[] Assemble()
    {
        foreach ((Mark place, byte[] data) in _data)
        {
            Place(place);
            Code.db(data);
        }

        using MemoryStream stream = new();
        AssemblerResult result = Code.Assemble(
            new StreamCodeWriter(stream),
            GuestProgram.Address.Value,
            BlockEncoderOptions.ReturnNewInstructionOffsets);
        byte[] bytes = stream.ToArray();
        uint[] offsets = result.Result[0].NewInstructionOffsets;
        foreach ((int instruction, Mark target) in _fixups)
        {
            uint address = (uint)target.Address(result);
            Span<byte> before = bytes.AsSpan(0, (int)offsets[instruction + 1]);
            if (Bits == 16) BinaryPrimitives.WriteUInt16LittleEndian(before[^2..], (ushort)address);
            else BinaryPrimitives.WriteUInt32LittleEndian(before[^4..], address);
        }

        return bytes;
    }

    private Mark PseudoDescriptor(uint @base, ushort limit) => Data(
        (byte)limit, (byte)(limit >> 8), (byte)@base, (byte)(@base >> 8), (byte)(@base >> 16), (byte)(@base >> 24), 0, 0, 0, 0);

    private void LoadAddress(AssemblerRegister16 reg16, AssemblerRegister32 reg32, AssemblerRegister64 reg64, Mark label)
    {
        switch (Bits)
        {
            case 16: Fixed(label, () => Code.mov(reg16, Placeholder)); break;
            case 32: Fixed(label, () => Code.mov(reg32, Placeholder)); break;
            default: Code.lea(reg64, __[label]); break;
        }
    }

    // Iced encodes a label as an operand only relative to RIP. Elsewhere the last bytes of the instruction are patched.
    private void Fixed(Mark label, Action instruction)
    {
        _fixups.Add((Code.Instructions.Count, label));
        instruction();
    }
}

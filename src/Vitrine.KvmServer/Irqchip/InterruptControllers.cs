using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Vitrine.Devices.Interrupts;
using Vitrine.Kvm.Abi;

namespace Vitrine.KvmServer.Irqchip;

/// <summary>The 8259 pair and the IOAPIC of a machine (KVM_CREATE_IRQCHIP). Device lock held.</summary>
internal sealed class InterruptControllers
{
    /// <summary>The version that KVM's IOAPIC shows, which has no EOI register.</summary>
    public const byte IoapicVersion = 0x11;

    private const int PicInputs = 16;
    private const int ChipOffset = 8;
    private const ulong IoapicLength = 0x100;

    private readonly AcceleratorLink _link;

    // Who asserts each input, a bit for each source.
    private readonly byte[] _picSources = new byte[PicInputs];
    private readonly byte[] _ioapicSources = new byte[IoapicRegisters.PinCount];

    private readonly SetImage _master = new(Unsafe.SizeOf<kvm_pic_state>(), unit: 1);
    private readonly SetImage _slave = new(Unsafe.SizeOf<kvm_pic_state>(), unit: 1);
    private kvm_ioapic_state _beyondIoapic = IoapicImage.BeyondReset;

    /// <summary>Creates them in their reset state.</summary>
    /// <param name="link">Where they lead.</param>
    /// <param name="ended">Told which input's interrupt has ended. It may drive inputs.</param>
    public InterruptControllers(AcceleratorLink link, Action<RouteTarget, int> ended)
    {
        _link = link;
        Pics = new PicPair(link.ExternalLineChanged);
        Ioapic = new Ioapic(link, IoapicVersion);
        Pics.Master.Ended = input => ended(RouteTarget.Pic, input);
        Pics.Slave.Ended = input => ended(RouteTarget.Pic, 8 + input);
        Ioapic.Ended = pin => ended(RouteTarget.Ioapic, pin);
    }

    /// <summary>The 8259 pair.</summary>
    public PicPair Pics { get; }

    /// <summary>The IOAPIC.</summary>
    public Ioapic Ioapic { get; }

    /// <summary>Drives an input of the 8259 pair.</summary>
    /// <returns>1; 0 when its request was pending already, -1 when it is masked.</returns>
    public int SetPic(int input, InterruptSource source, bool level)
    {
        Pic8259 chip = input < 8 ? Pics.Master : Pics.Slave;
        bool asserted = Combine(ref _picSources[input], source, level);
        if (input == Pic8259Registers.CascadeInput) asserted |= Pics.Slave.Output;
        Pic8259.State before = chip.Registers;
        int bit = 1 << (input & 7);
        chip.SetInput(input & 7, asserted);
        if ((before.Mask & bit) != 0) return -1;
        bool requests = asserted && ((before.LevelInputs & bit) != 0 || (before.Lines & bit) == 0);
        return requests && (before.Requests & bit) != 0 ? 0 : 1;
    }

    /// <summary>Whether an input of the 8259 pair requests an interrupt and is not masked.</summary>
    public bool IsRequested(int input)
    {
        Pic8259.State state = (input < 8 ? Pics.Master : Pics.Slave).Registers;
        return (state.Requests & ~state.Mask & (1 << (input & 7))) != 0;
    }

    /// <summary>Drives a pin of the IOAPIC.</summary>
    /// <returns>
    /// How many processors took the interrupt; 1 for a falling line, 0 for an edge that none is, -1 where nothing is sent or nobody there.
    /// </returns>
    public int SetIoapic(int pin, InterruptSource source, bool level)
    {
        bool asserted = Combine(ref _ioapicSources[pin], source, level);
        Ioapic.State before = Ioapic.Registers;
        bool edgeTriggered = (before.Redirections[pin] & IoapicRegisters.Level) == 0;
        _link.Takers = -1;
        Ioapic.SetPin(pin, asserted);
        if (!asserted) return 1;
        return edgeTriggered && (before.Lines & (1u << pin)) != 0 ? 0 : _link.Takers;
    }

    /// <summary>KVM_GET_IRQCHIP.</summary>
    /// <returns>0, or -EINVAL for a chip that there is not.</returns>
    public int Get(ref kvm_irqchip chip)
    {
        Span<byte> image = MemoryMarshal.AsBytes(new Span<kvm_irqchip>(ref chip))[ChipOffset..];
        switch (chip.chip_id)
        {
            case KvmConstants.KVM_IRQCHIP_PIC_MASTER or KvmConstants.KVM_IRQCHIP_PIC_SLAVE:
                bool isMaster = chip.chip_id == KvmConstants.KVM_IRQCHIP_PIC_MASTER;
                image.Clear();
                MemoryMarshal.Write(image, Show(isMaster));
                (isMaster ? _master : _slave).Restore(image);
                return 0;
            case KvmConstants.KVM_IRQCHIP_IOAPIC:
                image.Clear();
                MemoryMarshal.Write(image, IoapicImage.Of(Ioapic.Registers, _beyondIoapic));
                return 0;
            default:
                return -Errno.EINVAL;
        }
    }

    /// <summary>KVM_SET_IRQCHIP. Pins in the IOAPIC's irr are asserted anew.</summary>
    /// <returns>0, or -EINVAL for a chip that there is not.</returns>
    public int Set(in kvm_irqchip chip)
    {
        ReadOnlySpan<byte> image = MemoryMarshal.AsBytes(new ReadOnlySpan<kvm_irqchip>(in chip))[ChipOffset..];
        switch (chip.chip_id)
        {
            case KvmConstants.KVM_IRQCHIP_PIC_MASTER or KvmConstants.KVM_IRQCHIP_PIC_SLAVE:
                Set(chip.chip_id == KvmConstants.KVM_IRQCHIP_PIC_MASTER, MemoryMarshal.Read<kvm_pic_state>(image));
                return 0;
            case KvmConstants.KVM_IRQCHIP_IOAPIC:
                Set(MemoryMarshal.Read<kvm_ioapic_state>(image));
                return 0;
            default:
                return -Errno.EINVAL;
        }
    }

    /// <summary>A guest's access to ports that may be one of the chips'.</summary>
    /// <returns>False when no chip has all of them.</returns>
    public bool TryAccessPort(ushort port, int size, bool isWrite, Span<byte> data)
    {
        int first = port & ~1;
        if (!OwnsPort(port) || port + size > first + 2) return false;

        // KVM's answer to an access that is wider than the chips' one byte.
        if (size != 1)
        {
            if (!isWrite) data.Clear();
        }
        else if (first == Pic8259Registers.EdgeLevelPort)
        {
            if (isWrite) Pics.EdgeLevelRegisters.WritePort(port & 1, 1, data[0]);
            else data[0] = (byte)Pics.EdgeLevelRegisters.ReadPort(port & 1, 1);
        }
        else
        {
            Pic8259 chip = first == Pic8259Registers.MasterPort ? Pics.Master : Pics.Slave;
            if (isWrite) chip.WritePort(port & 1, 1, data[0]);
            else data[0] = (byte)chip.ReadPort(port & 1, 1);
        }

        return true;
    }

    /// <summary>Whether a port is one of the chips'.</summary>
    public static bool OwnsPort(ushort port) =>
        (port & ~1) is Pic8259Registers.MasterPort or Pic8259Registers.SlavePort or Pic8259Registers.EdgeLevelPort;

    /// <summary>A guest's access to memory that may be the IOAPIC's window.</summary>
    /// <returns>False when it is not.</returns>
    public bool TryAccessMemory(ulong address, int size, bool isWrite, Span<byte> data)
    {
        // KVM does not move the window when a client sets another base, but then has nothing there.
        if (!OwnsMemory(address, size) || address - _beyondIoapic.base_address >= IoapicLength) return false;
        ulong offset = address - IoapicRegisters.BaseAddress;
        if (isWrite)
        {
            uint value = 0;
            data[..Math.Min(size, sizeof(uint))].CopyTo(MemoryMarshal.AsBytes(new Span<uint>(ref value)));
            if (size is 1 or 2 or 4 or 8) Ioapic.WriteMemory(offset, sizeof(uint), value);
        }
        else
        {
            ulong value = Ioapic.ReadMemory(offset, sizeof(uint));
            MemoryMarshal.AsBytes(new Span<ulong>(ref value))[..size].CopyTo(data);
        }

        return true;
    }

    /// <summary>Whether an access lies in the IOAPIC's window.</summary>
    public static bool OwnsMemory(ulong address, int size) => address - IoapicRegisters.BaseAddress <= IoapicLength - (ulong)size;

    private static bool Combine(ref byte sources, InterruptSource source, bool level)
    {
        int bit = 1 << (int)source;
        sources = (byte)(level ? sources | bit : sources & ~bit);
        return sources != 0;
    }

    private kvm_pic_state Show(bool isMaster) => PicImage.Of((isMaster ? Pics.Master : Pics.Slave).Registers, isMaster);

    private void Set(bool isMaster, kvm_pic_state state)
    {
        (isMaster ? Pics.Master : Pics.Slave).Registers = PicImage.ToState(state, isMaster, Pics.Slave.Output);

        // The slave's request is the master's too, at once.
        kvm_pic_state shown = Show(isMaster);
        state.irr = shown.irr;
        (isMaster ? _master : _slave).Keep(
            MemoryMarshal.AsBytes(new ReadOnlySpan<kvm_pic_state>(in state)),
            MemoryMarshal.AsBytes(new ReadOnlySpan<kvm_pic_state>(in shown)));
    }

    private void Set(in kvm_ioapic_state state)
    {
        Ioapic.Registers = IoapicImage.ToState(state, out _beyondIoapic);
        for (int pin = 0; pin < IoapicRegisters.PinCount; pin++)
        {
            if ((state.irr & (1u << pin)) != 0) Ioapic.SetPin(pin, true);
        }
    }
}

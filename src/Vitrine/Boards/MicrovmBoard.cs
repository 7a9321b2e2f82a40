using Vitrine.Devices;
using Vitrine.Devices.Debug;
using Vitrine.Devices.Interrupts;
using Vitrine.Devices.Keyboard;
using Vitrine.Devices.Power;
using Vitrine.Devices.Serial;
using Vitrine.Devices.Timing;
using Vitrine.Devices.Virtio;

namespace Vitrine.Boards;

/// <summary>The board "microvm": a PC reduced to what an unmodified kernel needs to boot, keep time, talk and power off.</summary>
internal sealed class MicrovmBoard : BoardModel
{
    private const ulong LowRamLimit = 0xC000_0000;

    // Where attached devices begin, each with a page: below the IOAPIC, above all RAM under 4 GiB.
    private const ulong AttachedBase = 0xFEB0_0000;
    private const int AttachedMaximum = 32;

    // The IOAPIC's inputs that no ISA device has. Devices from the ninth on share them, as level-triggered ones may.
    private const int FirstAttachedInterrupt = 16;
    private const int AttachedInterrupts = IoapicRegisters.PinCount - FirstAttachedInterrupt;

    /// <inheritdoc/>
    public override string Name => "microvm";

    /// <inheritdoc/>
    internal override int DeviceMaximum => AttachedMaximum;

    // IOAPIC, local APIC, KVM's TSS and identity-map pages, firmware.
    internal override MemoryLayout MapMemory(ulong memoryBytes) => new(
        memoryBytes, LowRamLimit, [new MmioRange(IoapicRegisters.BaseAddress, MemoryLayout.HighStart - IoapicRegisters.BaseAddress)]);

    internal override void Declare(BoardBuilder board)
    {
        BoardContext machine = board.Context;
        board.InterruptControllers(IoapicRegisters.BaseAddress);
        board.IntervalTimer();

        // What the guest talks through.
        board.Console(board.Ports(Uart16550Registers.Com1Port, Uart16550Registers.PortCount).Interrupt(Uart16550Registers.Com1Interrupt).Acpi("COM1", uid: 1)
            .Add(line => new Uart16550("uart0", line, machine.SerialOutput)));
        board.Ports(DebugConsole.Port, 1)
            .Add(new DebugConsole(machine.DebugOutput));

        // What firmware and kernels take for granted.
        board.Ports(CmosRtcRegisters.Port, CmosRtcRegisters.PortCount).Interrupt(CmosRtcRegisters.Interrupt).Acpi("RTC")
            .Add(line => new CmosRtc(board.Clock, line, machine.Memory.LowBytes, machine.Memory.HighBytes));
        board.Ports(I8042Registers.DataPort, 1, I8042Registers.DataOffset).Ports(I8042Registers.CommandPort, 1, I8042Registers.CommandOffset)
            .Interrupt(I8042Registers.Interrupt).Acpi("KBD")
            .Add(line => new I8042(line, board.RequestReset));
        board.Ports(PostCode.Port, 1)
            .Add(new PostCode());

        // Power and resets.
        board.Ports(AcpiPowerManagementRegisters.Port, AcpiPowerManagementRegisters.PortCount).Interrupt(AcpiPowerManagementRegisters.Interrupt)
            .Add(line => new AcpiPowerManagement(board.Clock, line, board.RequestPowerOff));
        board.Ports(ResetControlRegisters.FirstPort, ResetControlRegisters.PortCount)
            .Add(new ResetControl(board.RequestReset));
        board.Ports(SystemControlPortA.Port, 1)
            .Add(new SystemControlPortA(board.RequestReset));
        board.Ports(DebugExit.Port, DebugExit.PortCount)
            .Add(new DebugExit(board.RequestExit));

        for (int i = 0; i < machine.Attached.Count; i++)
        {
            board.Memory(AttachedBase + ((ulong)i * VirtioMmioRegisters.WindowLength), VirtioMmioRegisters.WindowLength)
                .Interrupt(FirstAttachedInterrupt + (i % AttachedInterrupts))
                .Acpi($"VR{i:X2}", uid: i)
                .Add(line => new VirtioMmio(line, machine.GuestMemory, board.Make(machine.Attached[i])));
        }
    }
}

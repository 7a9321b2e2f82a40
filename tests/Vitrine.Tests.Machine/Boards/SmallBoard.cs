using Vitrine.Boards;
using Vitrine.Devices;
using Vitrine.Devices.Debug;
using Vitrine.Devices.Interrupts;
using Vitrine.Devices.Power;
using Vitrine.Devices.Serial;

namespace Vitrine.Tests.Boards;

/// <summary>A second board: its serial port, power registers and memory hole are elsewhere than microvm's, and it has a device of its own.</summary>
internal sealed class SmallBoard : BoardModel
{
    public const ulong LowRamLimit = 0x8000_0000;
    public const int SerialPort = 0x2E8, SerialInterrupt = 3;
    public const ulong CounterBase = 0xD000_0000;
    public const int CounterInterrupt = 20;
    public const int PowerPort = 0xB000, PowerInterrupt = 10;

    public override string Name => "small";

    internal override MemoryLayout MapMemory(ulong memoryBytes) => new(
        memoryBytes,
        LowRamLimit,
        [new MmioRange(CounterBase, 0x1_0000), new MmioRange(IoapicRegisters.BaseAddress, MemoryLayout.HighStart - IoapicRegisters.BaseAddress)]);

    internal override void Declare(BoardBuilder board)
    {
        board.InterruptControllers(IoapicRegisters.BaseAddress);
        board.Console(board.Ports(SerialPort, Uart16550Registers.PortCount).Interrupt(SerialInterrupt).Acpi("COM4", uid: 4)
            .Add(line => new Uart16550("uart3", line, board.Context.SerialOutput)));
        board.Memory(CounterBase, CounterDevice.WindowLength).Interrupt(CounterInterrupt).Acpi("CNT")
            .Add(line => new CounterDevice(line));
        board.Ports(PowerPort, AcpiPowerManagementRegisters.PortCount).Interrupt(PowerInterrupt)
            .Add(line => new AcpiPowerManagement(board.Clock, line, board.RequestPowerOff));
        board.Ports(DebugExit.Port, DebugExit.PortCount)
            .Add(new DebugExit(board.RequestExit));
    }
}

// The library in one sitting: configure, start, feed and read the serial port, look into the machine, wait for the end.
//
//     dotnet run --project samples/Vitrine.Sample
using System.Text;
using Vitrine;
using Vitrine.Boot;
using Vitrine.X86;
using Vitrine.X86.State;

// A guest in real mode, by hand: it sends back what it receives, in upper case, until it gets a full stop.
byte[] code =
[
    0xBA, 0xFD, 0x03,       // 1000  mov dx, 3FDh     line status of the serial port
    0xEC,                   // 1003  in al, dx
    0xA8, 0x01,             // 1004  test al, 1       data ready?
    0x74, 0xF8,             // 1006  jz 1000h
    0xBA, 0xF8, 0x03,       // 1008  mov dx, 3F8h
    0xEC,                   // 100B  in al, dx
    0x3C, 0x2E,             // 100C  cmp al, '.'
    0x74, 0x09,             // 100E  je 1019h
    0x24, 0xDF,             // 1010  and al, 0DFh     to upper case
    0xEE,                   // 1012  out dx, al
    0xFE, 0x06, 0x00, 0x20, // 1013  inc byte [2000h] counts the letters
    0xEB, 0xE7,             // 1017  jmp 1000h
    0xB0, 0x2A,             // 1019  mov al, 42
    0xE6, 0xF4,             // 101B  out 0F4h, al     debug exit
];

StringBuilder received = new();
using VirtualMachine machine = VirtualMachine.Create(new MachineConfig
{
    Boot = new BootSource.FlatBytes(code, new Gpa(0x1000), Entry: 0x1000, FlatMode.Real),
    MemoryBytes = 1 << 20,
    Accelerator = AcceleratorChoice.Auto,
    SerialOutput = bytes => received.Append(Encoding.ASCII.GetString(bytes)),
    Notice = Console.Error.WriteLine,
});

machine.Start();
machine.SendSerial("hello"u8);
while (machine.SerialBacklog > 0) Thread.Sleep(1);

// Paused, it can be looked into, and changed.
machine.Pause();
ProcessorState state = machine.GetState(vcpu: 0);
Console.WriteLine($"paused at {state.Segments[Seg.Cs].Base + state.Rip:x}h with AL = {(byte)state.Gpr[Gpr.Rax]:x2}h");
machine.Resume();

machine.SendSerial("world."u8);
VmEnd? end = machine.Wait(TimeSpan.FromSeconds(30));
if (end is null)
{
    machine.Stop();
    end = machine.Wait()!;
}

Span<byte> count = stackalloc byte[1];
machine.Memory.TryRead(new Gpa(0x2000), count);
Console.WriteLine($"received '{received}', {count[0]} letters counted at 2000h");
Console.WriteLine($"ended by {end.Reason}, value {end.Value}, after {machine.InstructionsExecuted} instructions on '{machine.Accelerator}'");
return end is { Reason: VmEndReason.DebugExit, Value: 42 } ? 0 : 1;

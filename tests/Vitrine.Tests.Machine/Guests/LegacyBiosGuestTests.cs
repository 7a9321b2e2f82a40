using Vitrine.Boot;
using Vitrine.Guests;
using Xunit;

namespace Vitrine.Tests.Guests;

/// <summary>What guests that were started without firmware find where they expect some.</summary>
public sealed class LegacyBiosGuestTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private static readonly Dictionary<string, (FlatMode Mode, byte[] Code)> _resets = new()
    {
        ["jmp FFFF:0000"] = (FlatMode.Real, [0xEA, 0x00, 0x00, 0xFF, 0xFF]),
        ["jmp F000:FFF0"] = (FlatMode.Real, [0xEA, 0xF0, 0xFF, 0x00, 0xF0]),
        ["int 19h"] = (FlatMode.Real, [0xCD, 0x19]),
        ["mov eax, FFFF0h; jmp eax"] = (FlatMode.Protected, [0xB8, 0xF0, 0xFF, 0x0F, 0x00, 0xFF, 0xE0]),
        ["mov eax, FFFF0h; jmp rax"] = (FlatMode.Long, [0xB8, 0xF0, 0xFF, 0x0F, 0x00, 0xFF, 0xE0]),
    };

    public static TheoryData<AcceleratorChoice, string> Resets
    {
        get
        {
            TheoryData<AcceleratorChoice, string> data = [];
            foreach (AcceleratorChoice accelerator in (AcceleratorChoice[])[AcceleratorChoice.Soft, AcceleratorChoice.Kvm])
            {
                foreach (string name in _resets.Keys) data.Add(accelerator, name);
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Resets))]
    public void TheResetVectorResets(AcceleratorChoice accelerator, string name)
    {
        PresentAccelerators.SkipUnlessPresent(accelerator);
        (FlatMode mode, byte[] code) = _resets[name];
        VmEnd end = Run(code, mode, accelerator);
        Assert.True(end.Reason == VmEndReason.Reset, end.Report);
    }

    /// <summary>Without <see cref="MachineConfig.ExitOnReset"/> the guest starts over, and finds the data area as it was: its flag for a warm start is a new one's.</summary>
    [Fact]
    public void AGuestStartsOver()
    {
        // The flag of the first time through lies in memory that a reset leaves alone.
        byte[] code =
        [
            0xA1, 0x00, 0x30, // mov ax, [3000h]
            0xFF, 0x06, 0x00, 0x30, // inc word [3000h]
            0x85, 0xC0, // test ax, ax
            0x75, 0x0B, // jnz again
            0xC7, 0x06, 0x72, 0x04, 0x34, 0x12, // mov word [472h], 1234h
            0xEA, 0x00, 0x00, 0xFF, 0xFF, // jmp FFFF:0000
            0xA0, 0x72, 0x04, // again: mov al, [472h]
            0xBA, 0xF4, 0x00, 0xEE, // out F4h, al
        ];
        VmEnd end = Run(code, FlatMode.Real, AcceleratorChoice.Soft, exitOnReset: false);
        Assert.True((end.Reason, end.Value) == (VmEndReason.DebugExit, 0), end.Report);
    }

    [Theory]
    [InlineData(0x10)]
    [InlineData(0x13)]
    [InlineData(0x15)]
    [InlineData(0x16)]
    public void AServiceThatIsNotThereSaysSo(byte vector)
    {
        // Carry, and AH = 86h.
        VmEnd end = Run([0xB8, 0x00, 0x02, 0xF8, 0xCD, vector, 0x80, 0xD4, 0x00, 0x88, 0xE0, 0xBA, 0xF4, 0x00, 0xEE], FlatMode.Real, AcceleratorChoice.Soft);
        Assert.True((end.Reason, end.Value) == (VmEndReason.DebugExit, 0x87), end.Report);
    }

    [Theory]
    [InlineData(0x01)]
    [InlineData(0x03)]
    [InlineData(0x08)]
    [InlineData(0x0F)]
    [InlineData(0x1C)]
    [InlineData(0x21)]
    [InlineData(0x70)]
    [InlineData(0x77)]
    [InlineData(0xFF)]
    public void OtherInterruptsComeBack(byte vector)
    {
        VmEnd end = Run([0xB8, 0x34, 0x12, 0xCD, vector, 0x3D, 0x34, 0x12, 0x0F, 0x94, 0xC0, 0xBA, 0xF4, 0x00, 0xEE], FlatMode.Real, AcceleratorChoice.Soft);
        Assert.True((end.Reason, end.Value) == (VmEndReason.DebugExit, 1), end.Report);
    }

    [Theory]
    [InlineData(new byte[] { 0x0F, 0x0B })] // ud2
    [InlineData(new byte[] { 0x31, 0xC9, 0xF7, 0xF1 })] // xor cx, cx; div cx
    [InlineData(new byte[] { 0xA1, 0xFF, 0xFF })] // mov ax, [FFFFh]
    public void AFaultThatWouldRepeatForEverHalts(byte[] code)
    {
        VmEnd end = Run(code, FlatMode.Real, AcceleratorChoice.Soft);
        Assert.True(end.Reason == VmEndReason.HaltForever, end.Report);
    }

    /// <summary>Outside real mode the vectors are no gates: a fault before a guest has an IDT is a triple fault, as it is with an empty table.</summary>
    [Theory]
    [InlineData(FlatMode.Protected)]
    [InlineData(FlatMode.Long)]
    public void VectorsAreNoGates(FlatMode mode)
    {
        VmEnd end = Run([0x0F, 0x0B], mode, AcceleratorChoice.Soft);
        Assert.True(end.Reason == VmEndReason.TripleFault, end.Report);
    }

    private static VmEnd Run(byte[] code, FlatMode mode, AcceleratorChoice accelerator, bool exitOnReset = true)
    {
        using VirtualMachine machine = VirtualMachine.Create(new MachineConfig
        {
            Boot = new BootSource.FlatBytes(code, GuestProgram.Address, GuestProgram.Address.Value, mode),
            MemoryBytes = 16 << 20,
            Accelerator = accelerator,
            ExitOnReset = exitOnReset,
        });
        machine.Start();
        VmEnd? end = machine.Wait(Patience);
        if (end is not null) return end;
        machine.Stop();
        Assert.Fail($"No end within {Patience}. {machine.Wait()!.Report}");
        throw new InvalidOperationException();
    }
}

using System.Text;
using Vitrine.Accelerators;
using Vitrine.Accelerators.Kvm;
using Vitrine.Errors;
using Vitrine.Memory;
using Vitrine.X86;
using Vitrine.X86.State;
using Xunit;

namespace Vitrine.Tests.Kvm;

/// <summary>Real firmware from the reset vector on, up to its banner on the debug port.</summary>
public sealed class SeaBiosTests
{
    private const string Image = "/usr/share/seabios/bios-256k.bin";
    private const ushort DebugPort = 0x402;

    // What the port answers where somebody listens; SeaBIOS writes only then.
    private const byte DebugPortPresent = 0xE9;

    [Fact]
    public void BannerComesOutOfTheDebugPort()
    {
        if (!File.Exists(Image)) Assert.Skip($"{Image} is not there; it is in Debian's package seabios");
        using KvmAccelerator accelerator = Open();
        using var memory = new GuestMemory();
        byte[] image = File.ReadAllBytes(Image);
        ulong size = (ulong)image.Length;
        MemorySlot bios = memory.Add("bios", new Gpa(0x1_0000_0000 - size), size, MemorySlotFlags.ReadOnly);
        Assert.True(memory.TryWrite(bios.Start, image));
        accelerator.SetMemorySlot(bios);
        accelerator.SetMemorySlot(memory.AddAlias("bios-low", new Gpa(0xE0000), 0x20000, bios, size - 0x20000, MemorySlotFlags.ReadOnly));
        accelerator.SetMemorySlot(memory.Add("low", new Gpa(0), 0xA0000));
        accelerator.SetMemorySlot(memory.Add("high", new Gpa(0x100000), 0x1000000));
        using IVirtualCpu vcpu = accelerator.CreateVcpu(0);
        vcpu.SetCpuid([.. vcpu.SupportedCpuid]);
        vcpu.PutState(ResetState.Create(0, 0x60FB1), PutLevel.Full);

        var text = new StringBuilder();
        for (int exits = 0; exits < 20_000 && !text.ToString().Contains('\n', StringComparison.Ordinal); exits++)
        {
            ref VmExit exit = ref vcpu.Run();
            Assert.True(exit.Reason is VmExitReason.PortIo or VmExitReason.Mmio, $"unexpected {exit.Reason} after {exits} exits");
            if (!exit.IsWrite) exit.Data.Fill(exit.Reason == VmExitReason.PortIo && exit.Port == DebugPort ? DebugPortPresent : (byte)0xFF);
            else if (exit.Reason == VmExitReason.PortIo && exit.Port == DebugPort) text.Append(Encoding.ASCII.GetString(exit.Data));
        }

        Assert.StartsWith("SeaBIOS (version ", text.ToString(), StringComparison.Ordinal);
    }

    private static KvmAccelerator Open()
    {
        try
        {
            return KvmAccelerator.Create();
        }
        catch (VitrineException e) when (e.Kind == ErrorKind.Host)
        {
            Assert.Skip("KVM is not usable here: " + e.Message);
            throw;
        }
    }
}

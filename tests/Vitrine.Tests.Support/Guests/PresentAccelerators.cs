using Vitrine.Boot;
using Vitrine.Errors;
using Vitrine.Guests;
using Vitrine.X86;
using Xunit;

namespace Vitrine.Tests.Guests;

/// <summary>Which accelerators this host has. Tests of the others are skipped, with the reason.</summary>
internal static class PresentAccelerators
{
    private static readonly Lazy<string?> KvmMissing = new(() => WhyMissing(AcceleratorChoice.Kvm));
    private static readonly Lazy<string?> SoftMissing = new(() => WhyMissing(AcceleratorChoice.Soft));

    /// <summary>Skips the running test where the accelerator is missing, or can't do what the guest needs.</summary>
    public static void SkipUnlessPresent(AcceleratorChoice accelerator, GuestProgram? guest = null)
    {
        string? missing = (accelerator == AcceleratorChoice.Kvm ? KvmMissing : SoftMissing).Value;
        Assert.SkipWhen(missing is not null, $"{accelerator}: {missing}");
        if (accelerator == AcceleratorChoice.Kvm && guest?.EmulatingKvmLacks is { } lack)
        {
            Assert.SkipWhen(KvmVerdict.Current is { Problem: null, WorthUsing: false }, $"Kvm: emulates ring 0 here, and its emulator lacks {lack}");
        }
    }

    private static string? WhyMissing(AcceleratorChoice accelerator)
    {
        try
        {
            BootSource halt = new BootSource.FlatBytes(new byte[] { 0xF4 }, new Gpa(0x8000), 0x8000, FlatMode.Real);
            using VirtualMachine machine = VirtualMachine.Create(new MachineConfig
            {
                Boot = halt,
                MemoryBytes = 1 << 20,
                Accelerator = accelerator,
                CpuModel = "x86-64-v1",
            });
            return null;
        }
        catch (VitrineException error)
        {
            return error.What;
        }
    }
}

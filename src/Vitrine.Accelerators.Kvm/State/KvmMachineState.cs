using System.Runtime.InteropServices;
using Vitrine.Accelerators.Kvm.Native;
using Vitrine.Errors;
using Vitrine.Kvm.Abi;

namespace Vitrine.Accelerators.Kvm.State;

/// <summary>
/// What the kernel holds of a machine beside its vCPUs: the paravirtual clock, and the interrupt controllers and timer where they are its own.
/// </summary>
/// <param name="vm">The machine.</param>
/// <param name="hasControllers">The 8259 pair, the IOAPIC and the 8254 are the kernel's.</param>
internal sealed class KvmMachineState(KvmVmHandle vm, bool hasControllers)
{
    private const string Clock = "clock", Pit = "pit2";

    // KVM_IRQCHIP_PIC_MASTER, KVM_IRQCHIP_PIC_SLAVE, KVM_IRQCHIP_IOAPIC
    private static readonly string[] s_chips = ["pic-master", "pic-slave", "ioapic"];

    /// <summary>Reads the kernel's structures.</summary>
    public SortedDictionary<string, byte[]> Get()
    {
        SortedDictionary<string, byte[]> state = [];
        kvm_clock_data clock = default;
        vm.Call(KvmIoctl.KVM_GET_CLOCK, ref clock);
        state[Clock] = Bytes(new kvm_clock_data { clock = clock.clock });
        if (!hasControllers) return state;
        for (int i = 0; i < s_chips.Length; i++)
        {
            kvm_irqchip chip = new() { chip_id = (uint)i };
            vm.Call(KvmIoctl.KVM_GET_IRQCHIP, ref chip);
            state[s_chips[i]] = Bytes(chip);
        }

        kvm_pit_state2 pit = default;
        vm.Call(KvmIoctl.KVM_GET_PIT2, ref pit);
        state[Pit] = Bytes(pit);
        return state;
    }

    /// <summary>Gives the kernel what <see cref="Get"/> has read.</summary>
    /// <exception cref="VitrineException">A part is missing or has another size, or the kernel refuses it.</exception>
    public void Put(IReadOnlyDictionary<string, byte[]> state)
    {
        for (int i = 0; hasControllers && i < s_chips.Length; i++)
        {
            kvm_irqchip chip = Part<kvm_irqchip>(state, s_chips[i]);
            InvalidState.Unless(chip.chip_id == i, s_chips[i], $"it is that of chip {chip.chip_id}");
            vm.Call(KvmIoctl.KVM_SET_IRQCHIP, ref chip);
        }

        if (hasControllers)
        {
            kvm_pit_state2 pit = Part<kvm_pit_state2>(state, Pit);
            vm.Call(KvmIoctl.KVM_SET_PIT2, ref pit);
        }

        kvm_clock_data clock = new() { clock = Part<kvm_clock_data>(state, Clock).clock };
        vm.Call(KvmIoctl.KVM_SET_CLOCK, ref clock);
    }

    private static byte[] Bytes<T>(T part)
        where T : unmanaged => MemoryMarshal.AsBytes(new ReadOnlySpan<T>(in part)).ToArray();

    private static T Part<T>(IReadOnlyDictionary<string, byte[]> state, string name)
        where T : unmanaged
    {
        InvalidState.Unless(state.TryGetValue(name, out byte[]? bytes), name, "it is missing");
        bool whole = MemoryMarshal.TryRead(bytes, out T part) && bytes.Length == Bytes(part).Length;
        InvalidState.Unless(whole, name, $"it has {bytes.Length} bytes");
        return part;
    }
}

using System.Runtime.InteropServices;
using Vitrine.Accelerators.Kvm.Native;
using Vitrine.Accelerators.Kvm.State;
using Vitrine.Accelerators.Kvm.Trace;
using Vitrine.Accelerators.Kvm.Vm;
using Vitrine.Errors;
using Vitrine.Kvm.Abi;
using Vitrine.Memory;
using Vitrine.X86.Cpuid;

namespace Vitrine.Accelerators.Kvm;

/// <summary>A virtual machine on /dev/kvm.</summary>
public sealed unsafe class KvmAccelerator : IAccelerator
{
    // Where KVM may put its identity-mapping page and the three pages of a TSS, on Intel CPUs that can't run real mode.
    // Both lie below the firmware at 4 GiB and must be reserved in the guest's memory map (4 pages from 0xFEFFC000).
    private const ulong IdentityMapAddress = 0xFEFFC000;
    private const ulong TssAddress = 0xFEFFD000;

    // Local-APIC ids have 8 bits, and 255 is the broadcast.
    private const int MaximumApicIds = 255;

    private readonly KvmOptions _options;
    private readonly KvmSystemHandle _system;
    private readonly KvmVmHandle _vm;
    private readonly KvmCapabilities _capabilities;
    private readonly KvmMemorySlots _slots;
    private readonly KvmLevelRoutes? _levelRoutes;
    private readonly uint[] _msrs;
    private readonly List<KvmVcpu> _vcpus = [];
    private bool _disposed;

    private KvmAccelerator(KvmOptions options, KvmSystemHandle system, KvmCapabilities capabilities, KvmVmHandle vm)
    {
        _options = options;
        _system = system;
        _capabilities = capabilities;
        _vm = vm;
        ulong identityMap = IdentityMapAddress;
        vm.Call(KvmIoctl.KVM_SET_IDENTITY_MAP_ADDR, ref identityMap);
        vm.Call(KvmIoctl.KVM_SET_TSS_ADDR, unchecked((nint)TssAddress));
        if (capabilities.Has(KvmCap.KVM_CAP_X86_TRIPLE_FAULT_EVENT)) vm.Enable(KvmCap.KVM_CAP_X86_TRIPLE_FAULT_EVENT, 1);
        if (options.SplitIrqchip)
        {
            vm.Enable(KvmCap.KVM_CAP_SPLIT_IRQCHIP, KvmLevelRoutes.Pins);
            _levelRoutes = new KvmLevelRoutes(vm);
        }
        else
        {
            vm.Call(KvmIoctl.KVM_CREATE_IRQCHIP);

            // The flag brings port 0x61, through which kernels gate channel 2 to calibrate their clocks.
            var pit = new kvm_pit_config { flags = KvmConstants.KVM_PIT_SPEAKER_DUMMY };
            vm.Call(KvmIoctl.KVM_CREATE_PIT2, ref pit);
        }

        _slots = new KvmMemorySlots(vm, capabilities);
        _msrs = KvmMsrTable.Select(KvmMsrTable.ReadIndexList(system));
        SupportedCpuid = KvmCpuid.GetSupported(system, capabilities.Has(KvmCap.KVM_CAP_TSC_DEADLINE_TIMER));
    }

    /// <inheritdoc/>
    public string Name => "kvm";

    /// <inheritdoc/>
    public bool HasInterruptControllers => !_options.SplitIrqchip;

    /// <inheritdoc/>
    public bool UsesHostCpuid => true;

    /// <inheritdoc/>
    public int MaximumVcpus => Math.Clamp(_capabilities[KvmCap.KVM_CAP_MAX_VCPUS], 1, MaximumApicIds);

    /// <summary>The capabilities that matter, as this host has them.</summary>
    public IReadOnlyList<KvmCapability> Capabilities => _capabilities.All;

    /// <summary>The CPUID leaves that this host can offer.</summary>
    public IReadOnlyList<CpuidEntry> SupportedCpuid { get; }

    /// <summary>The 8259 pair, when it is the board's.</summary>
    internal IExternalInterruptSource? ExternalInterrupts { get; private set; }

    /// <summary>Opens KVM and creates a virtual machine.</summary>
    /// <param name="options">How; null for the defaults.</param>
    /// <exception cref="VitrineException">
    /// The host is not x86-64; the device node is missing, may not be opened or has another API version; a capability is absent; or the kernel refused.
    /// </exception>
    public static KvmAccelerator Create(KvmOptions? options = null)
    {
        if (KvmError.OfArchitecture(RuntimeInformation.ProcessArchitecture) is { } problem) throw problem;
        return Create(options ?? new KvmOptions(), LinuxKvmSystem.Instance);
    }

    internal static KvmAccelerator Create(KvmOptions options, IKvmSystem calls)
    {
        if (options.Calls is { } log) calls = new TracedKvmSystem(calls, log);
        KvmSystemHandle system = KvmSystemHandle.Open(calls, options.DevicePath);
        KvmVmHandle? vm = null;
        try
        {
            var capabilities = new KvmCapabilities(system);
            if (capabilities.FirstMissing() is { } missing) throw KvmError.MissingCapability(missing);
            if (options.SplitIrqchip && !capabilities.Has(KvmCap.KVM_CAP_SPLIT_IRQCHIP))
            {
                throw KvmError.MissingOptionalCapability(nameof(KvmCap.KVM_CAP_SPLIT_IRQCHIP), nameof(KvmOptions.SplitIrqchip));
            }

            KickSignal.Install();
            vm = system.CreateVm();
            return new KvmAccelerator(options, system, capabilities, vm);
        }
        catch
        {
            vm?.Dispose();
            system.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public void SetMemorySlot(MemorySlot slot) => _slots.Set(slot);

    /// <inheritdoc/>
    public void RemoveMemorySlot(MemorySlot slot) => _slots.Remove(slot);

    /// <inheritdoc/>
    public void GetDirtyLog(MemorySlot slot, Span<ulong> bitmap) => _slots.GetDirtyLog(slot, bitmap);

    /// <inheritdoc/>
    /// <remarks>
    /// KVM refuses slots that overlap, so old ones go first: a vCPU that accesses the range in between leaves as for device memory.
    /// </remarks>
    public void OnSlotsChanged(IReadOnlyList<MemorySlot> removed, IReadOnlyList<MemorySlot> added)
    {
        foreach (MemorySlot slot in removed) _slots.Remove(slot);
        foreach (MemorySlot slot in added) _slots.Set(slot);
    }

    /// <inheritdoc/>
    /// <remarks>The host's processor keeps caches and fetches in step with the host's writes; only KVM's dirty log knows nothing of them.</remarks>
    public void OnWritten(MemorySlot slot, ulong offset, ulong length)
    {
        ArgumentNullException.ThrowIfNull(slot);
        _slots.NoteWritten(slot.Pointer + offset, length);
    }

    /// <inheritdoc/>
    public IVirtualCpu CreateVcpu(int id)
    {
        int size = _system.Call(KvmIoctl.KVM_GET_VCPU_MMAP_SIZE);
        KvmVcpuHandle handle = _vm.CreateVcpu(id);
        KvmRunMapping? mapping = null;
        try
        {
            mapping = handle.Map(size);
            if (_options.TscKilohertz is { } wanted) handle.Call(KvmIoctl.KVM_SET_TSC_KHZ, (nint)wanted);
            uint tsc = (uint)handle.Call(KvmIoctl.KVM_GET_TSC_KHZ);

            // The size depends on the machine: components that need permission count once it is given.
            int xsaveSize = Math.Max(0, _vm.TryCall(KvmIoctl.KVM_CHECK_EXTENSION, (nint)KvmCap.KVM_CAP_XSAVE2));
            var transfer = new KvmStateTransfer(handle, _capabilities, _msrs, xsaveSize, (int)XsaveLayout.PkruOffsetIn(SupportedCpuid), tsc);
            var vcpu = new KvmVcpu(this, id, handle, mapping, tsc, transfer);
            lock (_vcpus) _vcpus.Add(vcpu);
            return vcpu;
        }
        catch
        {
            mapping?.Dispose();
            handle.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public void SetInterruptLine(int gsi, bool level)
    {
        var line = new kvm_irq_level { irq = (uint)gsi, level = level ? 1u : 0 };
        _vm.Call(KvmIoctl.KVM_IRQ_LINE, ref line);
    }

    /// <inheritdoc/>
    public int SendInterruptMessage(ulong address, uint data)
    {
        _levelRoutes?.Cover(address, data);
        var msi = new kvm_msi { address_lo = (uint)address, address_hi = (uint)(address >> 32), data = data };

        // The guest chooses address and data. A message that no APIC takes is lost, as on hardware.
        return Math.Max(_vm.TryCall(KvmIoctl.KVM_SIGNAL_MSI, ref msi), -1);
    }

    /// <inheritdoc/>
    public void ConnectExternalInterrupts(IExternalInterruptSource source) => ExternalInterrupts = source;

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, byte[]> GetState() => new KvmMachineState(_vm, HasInterruptControllers).Get();

    /// <inheritdoc/>
    public void PutState(IReadOnlyDictionary<string, byte[]> state) => new KvmMachineState(_vm, HasInterruptControllers).Put(state);

    /// <summary>Ends the machine. Its vCPUs must not be running.</summary>
    public void Dispose()
    {
        if (_disposed) return;
        _disposed = true;
        KvmVcpu[] vcpus;
        lock (_vcpus) vcpus = [.. _vcpus];
        foreach (KvmVcpu vcpu in vcpus) vcpu.Dispose();
        _vm.Dispose();
        _system.Dispose();
        _slots.Release();
    }

    internal void Forget(KvmVcpu vcpu)
    {
        lock (_vcpus) _vcpus.Remove(vcpu);
    }
}

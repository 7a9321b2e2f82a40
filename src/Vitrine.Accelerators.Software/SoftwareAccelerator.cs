using System.Runtime.InteropServices;
using Vitrine.Accelerators.Mmu;
using Vitrine.Accelerators.Software.HostExecution;
using Vitrine.Accelerators.Software.Mmu;
using Vitrine.Errors;
using Vitrine.Memory;
using Vitrine.X86.Cpuid;

namespace Vitrine.Accelerators.Software;

/// <summary>The accelerator that needs no help from the host's processor.</summary>
public sealed class SoftwareAccelerator : IAccelerator
{
    private readonly Lock _lock = new();
    private volatile SlotView[] _slots = [];
    private SoftwareVcpu? _vcpu;

    private SoftwareAccelerator(SoftwareOptions options)
    {
        Mmu = options.Mmu;
        Engine = options.Engine;
        Lockstep = options.Lockstep;
    }

    /// <summary>True where <see cref="SoftwareEngine.Translator"/> can be chosen: on Linux, in a process of 64-bit x86 code.</summary>
    public static bool HostHasTranslator => OperatingSystem.IsLinux() && RuntimeInformation.ProcessArchitecture == Architecture.X64;

    /// <inheritdoc/>
    public string Name => "soft";

    /// <inheritdoc/>
    public bool HasInterruptControllers => false;

    /// <inheritdoc/>
    public bool UsesHostCpuid => false;

    /// <inheritdoc/>
    public int MaximumVcpus => 1;

    /// <summary>The 8259 pair, once connected.</summary>
    internal IExternalInterruptSource? ExternalInterrupts { get; private set; }

    /// <summary>Size of the memory for decoded blocks, in bytes.</summary>
    internal nuint CodeArenaBytes { get; set; } = 96 << 20;

    /// <summary>Size of the memory for translated code, in bytes.</summary>
    internal nuint TranslationBytes { get; set; } = 64 << 20;

    /// <summary>The slots as vCPUs see them.</summary>
    internal SlotView[] Slots => _slots;

    /// <summary>How the vCPU translates addresses.</summary>
    internal MmuMode Mmu { get; }

    /// <summary>How the vCPU executes instructions.</summary>
    internal SoftwareEngine Engine { get; }

    /// <summary>Each translated block is compared with the interpreter.</summary>
    internal bool Lockstep { get; }

    /// <summary>Creates the accelerator of one machine. With the interpreter it is always possible.</summary>
    /// <param name="options">What can be chosen; null for the defaults.</param>
    /// <exception cref="VitrineException">The translator is asked for on a host that it can't run on.</exception>
    public static SoftwareAccelerator Create(SoftwareOptions? options = null)
    {
        options ??= new SoftwareOptions();
        if (options.Engine == SoftwareEngine.Translator && !HostHasTranslator)
        {
            throw VitrineException.User(
                $"The translator does not run on this host ({RuntimeInformation.OSDescription}, {RuntimeInformation.ProcessArchitecture}).",
                "It makes machine code for Linux on x86-64.",
                "Leave --soft out, or give --soft interpreter, which runs on every host.");
        }

        return new SoftwareAccelerator(options);
    }

    /// <summary>Checks that the engine can execute the instructions of a CPU model on this host.</summary>
    /// <exception cref="VitrineException">It can't.</exception>
    public void CheckModel(CpuModel model)
    {
        ArgumentNullException.ThrowIfNull(model);
        if (Engine == SoftwareEngine.Interpreter)
        {
            if (!model.Features.Any(CpuModels.IsNative)) return;
            throw VitrineException.User(
                $"The interpreter does not have the CPU model {model}.",
                $"It offers {string.Join(" and ", CpuModels.All.Where(other => !other.Features.Any(CpuModels.IsNative)))}; the others let the host's processor execute what is new in them.",
                HostHasTranslator ? "Choose one of these with --cpu, or give --soft translator." : "Choose one of these with --cpu.");
        }

        if (model == CpuModels.Host) return;
        IReadOnlyList<string> missing = model.Missing(new CpuidEnvironment { Native = HostProcessor.Cpuid });
        if (missing.Count == 0) return;
        throw VitrineException.User(
            $"The CPU model {model} can't run on this host.",
            $"The host's processor has to execute what is new in it, and lacks {string.Join(", ", missing)}.",
            $"Choose --cpu {CpuModels.Host}, which has what the host has, or --cpu {CpuModels.X8664V2}.");
    }

    /// <inheritdoc/>
    public void SetMemorySlot(MemorySlot slot)
    {
        ArgumentNullException.ThrowIfNull(slot);
        lock (_lock)
        {
            _slots = [.. _slots.Where(view => view.Slot.Id != slot.Id), new SlotView(slot)];
            _vcpu?.ReloadSlots();
        }
    }

    /// <inheritdoc/>
    public void RemoveMemorySlot(MemorySlot slot)
    {
        ArgumentNullException.ThrowIfNull(slot);
        lock (_lock)
        {
            _slots = [.. _slots.Where(view => view.Slot.Id != slot.Id)];
            _vcpu?.ReloadSlots();
        }
    }

    /// <inheritdoc/>
    public void GetDirtyLog(MemorySlot slot, Span<ulong> bitmap)
    {
        ArgumentNullException.ThrowIfNull(slot);
        SlotView? view = Array.Find(_slots, candidate => candidate.Slot.Id == slot.Id);
        if (view is null) return;
        view.TakeDirty(bitmap);

        // Writes before the flush may come without being noted, but then also before the caller reads the memory.
        _vcpu?.FlushAndWait();
    }

    /// <inheritdoc/>
    public IVirtualCpu CreateVcpu(int id)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(id, 0);
        if (_vcpu is not null) throw new InvalidOperationException("The software CPU has one vCPU for each machine.");
        return _vcpu = new SoftwareVcpu(this, id);
    }

    /// <inheritdoc/>
    public void SetInterruptLine(int gsi, bool level) =>
        throw new InvalidOperationException("The software CPU has no interrupt controllers besides the local APIC.");

    /// <inheritdoc/>
    public void SendInterruptMessage(ulong address, uint data) => _vcpu?.DeliverMessage(address, data);

    /// <inheritdoc/>
    public void ConnectExternalInterrupts(IExternalInterruptSource source) => ExternalInterrupts = source;

    /// <inheritdoc/>
    public void Dispose()
    {
        _vcpu?.Dispose();
        _slots = [];
    }
}

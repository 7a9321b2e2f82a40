using System.Globalization;
using Vitrine.Memory;

namespace Vitrine.Accelerators.Observation;

/// <summary>
/// An accelerator whose calls are written down. What it makes is observed too. Chosen when a machine is built, so that one that
/// nobody observes has no such layer.
/// </summary>
/// <param name="inner">Does the work.</param>
/// <param name="log">Receives each call of the contract.</param>
public sealed unsafe class ObservedAccelerator(IAccelerator inner, CallLog log) : IAccelerator
{
    private const string Target = "accelerator";

    /// <inheritdoc/>
    public string Name => inner.Name;

    /// <inheritdoc/>
    public bool HasInterruptControllers => inner.HasInterruptControllers;

    /// <inheritdoc/>
    public bool UsesHostCpuid => inner.UsesHostCpuid;

    /// <inheritdoc/>
    public bool NeedsSharedMemory => inner.NeedsSharedMemory;

    /// <inheritdoc/>
    public int MaximumVcpus => inner.MaximumVcpus;

    /// <inheritdoc/>
    public void SetMemorySlot(MemorySlot slot)
    {
        using ObservedCall call = new(log, Target, nameof(SetMemorySlot));
        AddSlot(call, slot);
        inner.SetMemorySlot(slot);
        call.Succeeded();
    }

    /// <inheritdoc/>
    public void RemoveMemorySlot(MemorySlot slot)
    {
        using ObservedCall call = new(log, Target, nameof(RemoveMemorySlot));
        AddSlot(call, slot);
        inner.RemoveMemorySlot(slot);
        call.Succeeded();
    }

    /// <inheritdoc/>
    public void GetDirtyLog(MemorySlot slot, Span<ulong> bitmap)
    {
        using ObservedCall call = new(log, Target, nameof(GetDirtyLog));
        AddSlot(call, slot);
        inner.GetDirtyLog(slot, bitmap);
        int dirty = 0;
        foreach (ulong pages in bitmap) dirty += System.Numerics.BitOperations.PopCount(pages);
        call.Succeeded(string.Create(CultureInfo.InvariantCulture, $"{dirty} dirty pages"));
    }

    /// <inheritdoc/>
    public void OnSlotsChanged(IReadOnlyList<MemorySlot> removed, IReadOnlyList<MemorySlot> added)
    {
        using ObservedCall call = new(log, Target, nameof(OnSlotsChanged));
        call.Arguments.Add("removed", Names(removed)).Add("added", Names(added));
        inner.OnSlotsChanged(removed, added);
        call.Succeeded();
    }

    /// <inheritdoc/>
    /// <remarks>Not written down: it is said of each write of a device.</remarks>
    public void OnWritten(MemorySlot slot, ulong offset, ulong length) => inner.OnWritten(slot, offset, length);

    /// <inheritdoc/>
    public IVirtualCpu CreateVcpu(int id)
    {
        using ObservedCall call = new(log, Target, nameof(CreateVcpu));
        call.Arguments.Number("id", id);
        ObservedVcpu vcpu = new(inner.CreateVcpu(id), log);
        call.Succeeded(vcpu.Target);
        return vcpu;
    }

    /// <inheritdoc/>
    public void SetInterruptLine(int gsi, bool level)
    {
        using ObservedCall call = new(log, Target, nameof(SetInterruptLine));
        call.Arguments.Number("gsi", gsi).Add("level", level ? "1" : "0");
        inner.SetInterruptLine(gsi, level);
        call.Succeeded();
    }

    /// <inheritdoc/>
    public int SendInterruptMessage(ulong address, uint data)
    {
        using ObservedCall call = new(log, Target, nameof(SendInterruptMessage));
        call.Arguments.Hex("address", address).Hex("data", data);
        int takers = inner.SendInterruptMessage(address, data);
        call.Succeeded();
        return takers;
    }

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, byte[]> GetState()
    {
        using ObservedCall call = new(log, Target, nameof(GetState));
        IReadOnlyDictionary<string, byte[]> state = inner.GetState();
        call.Succeeded();
        return state;
    }

    /// <inheritdoc/>
    public void PutState(IReadOnlyDictionary<string, byte[]> state)
    {
        using ObservedCall call = new(log, Target, nameof(PutState));
        inner.PutState(state);
        call.Succeeded();
    }

    /// <inheritdoc/>
    public void ConnectExternalInterrupts(IExternalInterruptSource source)
    {
        using ObservedCall call = new(log, Target, nameof(ConnectExternalInterrupts));
        inner.ConnectExternalInterrupts(source);
        call.Succeeded();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        using ObservedCall call = new(log, Target, nameof(Dispose));
        inner.Dispose();
        call.Succeeded();
    }

    private static string Names(IReadOnlyList<MemorySlot> slots) =>
        string.Join(", ", slots.Select(static slot => string.Create(CultureInfo.InvariantCulture, $"{slot.Name} at 0x{slot.Start.Value:x}")));

    private static void AddSlot(ObservedCall call, MemorySlot slot)
    {
        ArgumentNullException.ThrowIfNull(slot);
        call.Arguments
            .Number("slot", slot.Id)
            .Add("name", slot.Name)
            .Add("gpa", string.Create(CultureInfo.InvariantCulture, $"0x{slot.Start.Value:x}-0x{slot.Start.Value + (slot.Size - 1):x}"))
            .Hex("size", slot.Size)
            .Add("flags", slot.Flags.ToString())

            // SAFETY: only the address is shown; nothing is read through it.
            .Hex("hva", (ulong)slot.Pointer);
    }
}

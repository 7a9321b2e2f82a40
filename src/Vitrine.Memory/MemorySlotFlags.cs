namespace Vitrine.Memory;

/// <summary>Flags of a memory slot, with KVM's values (KVM_MEM_*).</summary>
[Flags]
public enum MemorySlotFlags : uint
{
    /// <summary>Ordinary RAM.</summary>
    None = 0,

    /// <summary>KVM_MEM_LOG_DIRTY_PAGES: written pages are remembered.</summary>
    LogDirtyPages = 1,

    /// <summary>KVM_MEM_READONLY: a guest write goes to the bus, the memory does not change.</summary>
    ReadOnly = 2,
}

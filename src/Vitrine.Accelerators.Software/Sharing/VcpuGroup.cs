using Vitrine.Memory;

namespace Vitrine.Accelerators.Software.Sharing;

/// <summary>The vCPUs of one machine as they see each other, and what they keep in common about decoded code. Any thread.</summary>
internal sealed class VcpuGroup : IDisposable
{
    private readonly VcpuPresence?[] _members;

    /// <summary>A group that vCPUs will join.</summary>
    /// <param name="count">How many there will be.</param>
    public VcpuGroup(int count)
    {
        _members = new VcpuPresence?[count];
        if (count == 1)
        {
            PageUses = new PageUses();
            return;
        }

        CodeDirectory = new CodeDirectory(count);
        Exclusive = new ExclusiveSection(this);
    }

    /// <summary>How many vCPUs the machine has, created or not.</summary>
    public int Count => _members.Length;

    /// <summary>Who has decoded code of which page; null with one vCPU.</summary>
    public CodeDirectory? CodeDirectory { get; }

    /// <summary>What the only vCPU has derived from which page; null with several.</summary>
    public PageUses? PageUses { get; }

    /// <summary>Lets one vCPU run alone; null with one vCPU.</summary>
    public ExclusiveSection? Exclusive { get; }

    /// <summary>A vCPU by its number; null before it is created.</summary>
    public VcpuPresence? Find(int id) => Volatile.Read(ref _members[id]);

    /// <summary>A vCPU has been created.</summary>
    public void Add(VcpuPresence member) => Volatile.Write(ref _members[member.Id], member);

    /// <summary>A vCPU has gone.</summary>
    public void Remove(VcpuPresence member)
    {
        if (Find(member.Id) == member) Volatile.Write(ref _members[member.Id], null);
    }

    /// <summary>Memory has been written where nobody notices it: all vCPUs but one must forget what they derived from it.</summary>
    public void ForgetMemory(VcpuPresence except)
    {
        for (int id = 0; id < _members.Length && _members.Length > 1; id++)
        {
            if (Find(id) is { } member && member != except) member.AskToForget();
        }
    }

    /// <summary>Code may have been written where nobody notices it: all vCPUs but one must compare theirs with memory.</summary>
    public void DoubtMemory(VcpuPresence except)
    {
        for (int id = 0; id < _members.Length && _members.Length > 1; id++)
        {
            if (Find(id) is { } member && member != except) member.AskToDoubt();
        }
    }

    /// <summary>Covers the host memory of a slot. Before a vCPU sees the slot.</summary>
    public void AddMemory(MemorySlot slot)
    {
        CodeDirectory?.AddMemory(slot);
        PageUses?.AddMemory(slot);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        CodeDirectory?.Dispose();
        PageUses?.Dispose();
    }
}

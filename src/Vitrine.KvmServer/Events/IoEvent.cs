using Vitrine.Kvm.Abi;
using Vitrine.KvmServer.Native;

namespace Vitrine.KvmServer.Events;

/// <summary>An ioeventfd: a write of a guest that becomes an eventfd's signal.</summary>
internal sealed class IoEvent
{
    private readonly uint _length;
    private readonly ulong? _match;

    /// <summary>Creates it of a client's structure.</summary>
    /// <param name="argument">The structure.</param>
    /// <param name="told">The client's eventfd.</param>
    public IoEvent(in kvm_ioeventfd argument, EventDescriptor told)
    {
        Told = told;
        Address = argument.addr;
        _length = argument.len;
        _match = (argument.flags & KvmConstants.KVM_IOEVENTFD_FLAG_DATAMATCH) != 0 ? argument.datamatch : null;
    }

    /// <summary>The eventfd.</summary>
    public EventDescriptor Told { get; }

    /// <summary>Port, or guest-physical address.</summary>
    public ulong Address { get; }

    /// <summary>Whether a write to its address is one that it waits for.</summary>
    public bool Takes(int size, ulong value) => _length == 0 || (_length == (uint)size && (_match is not { } match || match == value));

    /// <summary>Whether some write would belong to both.</summary>
    public bool CollidesWith(IoEvent other) =>
        Address == other.Address && (_length == 0 || other._length == 0
            || (_length == other._length && (_match is null || other._match is null || _match == other._match)));

    /// <summary>Whether it is the one that a structure names.</summary>
    public bool Is(in kvm_ioeventfd argument, ulong eventIdentity)
    {
        bool matches = (argument.flags & KvmConstants.KVM_IOEVENTFD_FLAG_DATAMATCH) != 0;
        return Told.Identity == eventIdentity && Address == argument.addr && _length == argument.len
            && (matches ? _match == argument.datamatch : _match is null);
    }
}

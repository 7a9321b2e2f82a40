using System.Runtime.InteropServices;
using Vitrine.KvmServer.Native;

namespace Vitrine.Tests.KvmServer.Events;

/// <summary>An eventfd as a client has it.</summary>
internal sealed partial class ClientEvent : IDisposable
{
    public ClientEvent(bool blocks = false) => Number = blocks ? EventFd(0, 0) : Libc.CreateEventDescriptor();

    public int Number { get; private set; }

    /// <summary>Adds to it.</summary>
    public void Add(ulong value = 1) => Xunit.Assert.Equal(8, Libc.Write(Number, value));

    /// <summary>What came since the last time; 0 for nothing.</summary>
    public ulong Take() => Libc.ReadNow(Number, out ulong value) == 8 ? value : 0;

    /// <summary>Whether a descriptor leads to it.</summary>
    public bool IsSameAs(int descriptor) =>
        EventDescriptor.Identify(descriptor, out ulong one) == 0 && EventDescriptor.Identify(Number, out ulong other) == 0 && one == other;

    public void Dispose()
    {
        if (Number >= 0) _ = Libc.Close(Number);
        Number = -1;
    }

    [LibraryImport("libc", EntryPoint = "eventfd")]
    private static partial int EventFd(uint initial, int flags);
}

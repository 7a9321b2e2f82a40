using Vitrine.KvmServer.Native;

namespace Vitrine.Tests.KvmServer.Events;

/// <summary>An eventfd as a client has it.</summary>
internal sealed class ClientEvent : IDisposable
{
    public int Number { get; private set; } = Libc.CreateEventDescriptor();

    /// <summary>Adds to it.</summary>
    public void Add(ulong value = 1) => Xunit.Assert.Equal(8, Libc.Write(Number, value));

    /// <summary>What came since the last time; 0 for nothing.</summary>
    public ulong Take() => Libc.ReadNow(Number, out ulong value) == 8 ? value : 0;

    public void Dispose()
    {
        if (Number >= 0) _ = Libc.Close(Number);
        Number = -1;
    }
}

using System.Buffers.Binary;
using Vitrine.Boards;
using Vitrine.Boot;
using Vitrine.Memory;
using Vitrine.Tests.Boards;
using Vitrine.X86;
using Vitrine.X86.State;
using Xunit;

namespace Vitrine.Tests.Boot;

/// <summary>Memory and a boot processor for loader tests, without an accelerator.</summary>
internal sealed class TestMachine : IDisposable
{
    public TestMachine(ulong memoryBytes, BootSource source)
    {
        Layout = BoardModel.Microvm.MapMemory(memoryBytes);
        Source = source;
        try
        {
            MemorySlots.Create(Memory, Layout, source);
        }
        catch
        {
            Memory.Dispose();
            throw;
        }
    }

    public GuestMemory Memory { get; } = new();

    public MemoryLayout Layout { get; }

    public BootSource Source { get; }

    public ProcessorState Cpu { get; } = new();

    public TestMachine Load(int cpus = 1)
    {
        BootLoader.Load(Source, Memory, BareBoard.Describe(BoardModel.Microvm, Layout.MemoryBytes, cpus), Cpu);
        return this;
    }

    public byte[] Read(ulong address, int length)
    {
        byte[] bytes = new byte[length];
        Assert.True(Memory.TryRead(new Gpa(address), bytes));
        return bytes;
    }

    public uint Read32(ulong address) => BinaryPrimitives.ReadUInt32LittleEndian(Read(address, 4));

    public ulong Read64(ulong address) => BinaryPrimitives.ReadUInt64LittleEndian(Read(address, 8));

    public string ReadString(ulong address)
    {
        byte[] bytes = Read(address, 4096);
        return System.Text.Encoding.UTF8.GetString(bytes, 0, Array.IndexOf(bytes, (byte)0));
    }

    public void Dispose() => Memory.Dispose();
}

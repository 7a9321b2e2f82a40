using System.Runtime.InteropServices;
using Iced.Intel;

namespace Vitrine.Tests.Software.FloatingPoint;

/// <summary>A leaf routine in an executable page of the host, which gets one pointer in RDI.</summary>
// SAFETY: the page is mapped for the life of the object and holds a leaf function of the System V convention that touches only
// what it is given.
internal sealed unsafe partial class HostRoutine : IDisposable
{
    public const string Missing = "the oracle is the host CPU, and this one is not an x86-64 under Linux";

    private const nuint PageSize = 4096;
    private readonly void* page;

    public HostRoutine(Assembler assembler)
    {
        page = Map(null, PageSize, 7, 0x22, -1, 0);
        if (page == (void*)-1) throw new InvalidOperationException("mmap of an executable page failed");
        using MemoryStream code = new();
        assembler.Assemble(new StreamCodeWriter(code), (ulong)page);
        Marshal.Copy(code.ToArray(), 0, (nint)page, (int)code.Length);
    }

    public static bool IsAvailable =>
        OperatingSystem.IsLinux() && RuntimeInformation.ProcessArchitecture == Architecture.X64;

    public void Run(void* data) => ((delegate* unmanaged<void*, void>)page)(data);

    public void Run(Span<byte> data)
    {
        fixed (byte* pointer = data) Run(pointer);
    }

    public void Dispose() => Unmap(page, PageSize);

    [LibraryImport("libc", EntryPoint = "mmap")]
    private static partial void* Map(void* address, nuint length, int protection, int flags, int descriptor, nint offset);

    [LibraryImport("libc", EntryPoint = "munmap")]
    private static partial int Unmap(void* address, nuint length);
}

using System.Runtime.InteropServices;
using Vitrine.Accelerators.Software;
using Vitrine.Boot;
using Vitrine.Errors;
using Vitrine.Memory;
using Vitrine.X86;
using Xunit;

namespace Vitrine.Tests.Memory;

/// <summary>Memory that can be shared has a descriptor; memory that isn't asked to be has none.</summary>
public sealed partial class HostMappingTests
{
    private const int EPERM = 1;

    [Fact]
    public void AnonymousMemoryIsTheDefaultWhereNobodyMapsIt()
    {
        using GuestMemory memory = new();
        Assert.Null(memory.Add("ram", new Gpa(0), 0x1000).Host.File);
        using VirtualMachine machine = Machine(default, UserCode.Translated);
        Assert.All(machine.Memory.Slots, static slot => Assert.Null(slot.Host.File));
    }

    /// <summary>The guest writes 42 to 0x9000 and reads what another mapping wrote to 0x9001.</summary>
    [Fact]
    public void AnotherMappingSharesTheGuestsMemory()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "memory objects are Linux's");
        using VirtualMachine machine = Machine(MemoryBacking.Shared);
        MemorySlot ram = Assert.Single(machine.Memory.Slots);
        using Mapping other = new((int)ram.Host.File!.DangerousGetHandle(), (nuint)ram.Size);
        other.Bytes[0x9001] = 0x55;
        machine.Start();
        VmEnd? end = machine.Wait(TimeSpan.FromSeconds(60));
        Assert.Equal(VmEndReason.DebugExit, end!.Reason);
        Assert.Equal(0x55u, end.Value);
        Assert.Equal(42, other.Bytes[0x9000]);
    }

    [Theory]
    [InlineData(0x1000)]
    [InlineData(0x3000)]
    public void NobodyChangesTheSizeOfSharedMemory(long length)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "memory objects are Linux's");
        using HostMapping memory = new(0x2000, MemoryBacking.Shared);
        Assert.Equal(-1, Ftruncate((int)memory.File!.DangerousGetHandle(), length));
        Assert.Equal(EPERM, Marshal.GetLastPInvokeError());
    }

    /// <summary>More than a file may have: an error with a type, no signal.</summary>
    [Fact]
    public void TheHostsRefusalIsAnError()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "memory objects are Linux's");
        VitrineException refused = Assert.Throws<VitrineException>(() => new HostMapping(1UL << 63, MemoryBacking.Shared));
        Assert.Equal((ErrorKind.Host, ErrorCode.MemorySharedRefused), (refused.Kind, refused.Code));
    }

    // mov byte [0x9000], 42; mov al, [0x9001]; out 0xF4, al
    private static VirtualMachine Machine(MemoryBacking backing, UserCode userCode = UserCode.Auto) => VirtualMachine.Create(new MachineConfig
    {
        Boot = new BootSource.FlatBytes(
            new byte[] { 0xC6, 0x06, 0x00, 0x90, 42, 0xA0, 0x01, 0x90, 0xE6, 0xF4 }, new Gpa(0x8000), 0x8000, FlatMode.Real),
        MemoryBytes = 1 << 20,
        MemoryBacking = backing,
        Accelerator = AcceleratorChoice.Soft,
        Software = new SoftwareOptions { UserCode = userCode },
    });

    [LibraryImport("libc", EntryPoint = "ftruncate", SetLastError = true)]
    private static partial int Ftruncate(int descriptor, long length);

    /// <summary>A second mapping of a descriptor.</summary>
    private sealed unsafe partial class Mapping : IDisposable
    {
        private const int ReadWrite = 3;
        private const int Shared = 1;
        private readonly nint _address;
        private readonly nuint _size;

        public Mapping(int descriptor, nuint size)
        {
            _address = Mmap(0, size, ReadWrite, Shared, descriptor, 0);
            Assert.NotEqual(-1, _address);
            _size = size;
        }

        public Span<byte> Bytes => new((void*)_address, (int)_size);

        public void Dispose() => Assert.Equal(0, Munmap(_address, _size));

        [LibraryImport("libc", EntryPoint = "mmap", SetLastError = true)]
        private static partial nint Mmap(nint address, nuint length, int protection, int flags, int descriptor, long offset);

        [LibraryImport("libc", EntryPoint = "munmap")]
        private static partial int Munmap(nint address, nuint length);
    }

    [Fact]
    public unsafe void BorrowedMemoryIsShownAndStaysItsOwners()
    {
        using HostMapping owner = new(8192);
        owner.Pointer[4096] = 7;
        HostMapping borrowed = HostMapping.Borrow((nint)owner.Pointer, 8192);
        MemorySlot slot = MemorySlot.Borrow(3, "client", new Gpa(0x10000), borrowed, MemorySlotFlags.ReadOnly);
        Assert.Equal((3, 0x10000UL, 8192UL, true), (slot.Id, slot.Start.Value, slot.Size, slot.ReadOnly));
        Assert.Equal(7, slot.Pointer[4096]);
        borrowed.ExpectFill(0, 8192);
        borrowed.Dispose();
        Assert.Equal(7, owner.Pointer[4096]);
        Assert.Throws<InvalidOperationException>(slot.Region.Unmap);
    }

    [Theory]
    [InlineData(0x1000, 0)]
    [InlineData(0x1000, 0x800)]
    [InlineData(0x1001, 0x1000)]
    public void MemoryIsBorrowedByWholePages(nint address, ulong size) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => HostMapping.Borrow(address, size));
}
